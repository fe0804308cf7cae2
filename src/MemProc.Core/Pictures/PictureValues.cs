namespace MemProc;

/// <summary>The values of each grouping, with letters and colors that differ on light and dark backgrounds.</summary>
internal static class PictureValues
{
    private const uint Blue = 0x4c78a8, Orange = 0xf58518, Red = 0xe45756, Green = 0x54a24b, LightGreen = 0x88d27a,
        Violet = 0xb279a2, Pink = 0xff9da6, Brown = 0x9d755d, Yellow = 0xeeca3b, Teal = 0x72b7b2,
        DarkTeal = 0x2f7f79, Crimson = 0xd62728, Stone = 0xbab0ac;

    /// <summary>The color of what is mapped and has no page.</summary>
    public const uint Neutral = 0x868c96;

    /// <summary>By <see cref="ProcMapKind"/>, and reserved memory; see <see cref="OfKind"/>.</summary>
    public static readonly PictureValue[] Kinds =
    [
        new("file", 'F', Blue), new("heap", 'H', Orange), new("stack", 'S', Red), new("anonymous", 'A', Green),
        new("named anonymous", 'N', LightGreen), new("vdso", 'V', Violet), new("vvar", 'v', Pink),
        new("vsyscall", 'y', Brown), new("shared memory", 'M', Yellow), new("huge pages", 'G', Teal),
        new("device", 'D', DarkTeal), new("special", 'K', Stone),
        new("reserved", '.', Neutral),
    ];

    /// <summary>By permissions; see <see cref="OfPermission"/>.</summary>
    public static readonly PictureValue[] Permissions =
    [
        new("no access", '-', Neutral), new("read", 'r', Blue), new("read and write", 'w', Green),
        new("read and execute", 'x', Orange), new("write and execute", '!', Crimson), new("other", 'o', Violet),
    ];

    /// <summary>The index of write and execute in <see cref="Permissions"/>.</summary>
    public const int WriteExecute = 4;

    public static readonly PictureValue[] Residency =
        [new("not in memory", '.', Neutral), new("in memory", 'R', Green), new("in swap", 'S', Red), new("guard", 'G', Violet)];

    public static readonly PictureValue[] Saved = [new("not saved", '.', Neutral), new("saved", 'R', Green)];

    public static readonly PictureValue[] Sharing =
        [new("not in memory", '.', Neutral), new("of this process only", 'P', Orange), new("shared with others", 'S', Blue)];

    public static readonly PictureValue[] Dirty =
        [new("not in memory", '.', Neutral), new("written", 'D', Red), new("clean", 'C', Blue)];

    public static readonly PictureValue[] Frames =
    [
        new("not in memory", '.', Neutral), new("anonymous", 'A', Green), new("file", 'F', Blue),
        new("transparent huge", 'T', Teal), new("hugetlb", 'H', DarkTeal), new("zero page", 'Z', Stone),
        new("KSM", 'K', Yellow), new("unknown", 'U', Violet),
    ];

    /// <summary>By the use of frames; see <see cref="OfFrame"/>.</summary>
    public static readonly PictureValue[] FrameKinds =
    [
        new("free", '.', Neutral), new("anonymous", 'A', Green), new("file", 'F', Blue), new("shared memory", 'M', Yellow),
        new("hugetlb", 'H', DarkTeal), new("slab", 'S', Orange), new("page table", 'T', Violet), new("kernel", 'K', Red),
        new("reserved", 'R', Brown), new("other", 'O', Stone),
    ];

    /// <summary>Returns the values for NUMA nodes.</summary>
    /// <param name="count">The number of nodes.</param>
    public static PictureValue[] Nodes(int count) =>
    [
        new("not in memory", '.', Neutral),
        .. Enumerable.Range(0, count).Select(node => new PictureValue($"node {node}", Letters[node % Letters.Length], Cycle(node))),
    ];

    /// <summary>Returns a color for one of many things.</summary>
    public static uint Cycle(int index)
    {
        ReadOnlySpan<uint> colors = [Blue, Orange, Green, Red, Teal, Yellow, Violet, Brown, LightGreen, Pink, DarkTeal, Crimson];
        return colors[index % colors.Length];
    }

    /// <summary>The letters of numbered values.</summary>
    public const string Letters = "0123456789abcdefghijklmnopqrstuvwxyz";

    /// <summary>Returns the index of a mapping's kind. Anonymous memory without access is only reserved.</summary>
    public static int OfKind(ProcMap map) => map.Kind == ProcMapKind.Anonymous && OfPermission(map) == 0
        ? Kinds.Length - 1
        : (int)map.Kind;

    /// <summary>Returns the index of a mapping's permissions.</summary>
    public static int OfPermission(ProcMap map) => (map.IsReadable, map.IsWritable, map.IsExecutable) switch
    {
        (false, false, false) => 0,
        (_, true, true) => WriteExecute,
        (true, false, false) => 1,
        (true, true, false) => 2,
        (true, false, true) => 3,
        _ => 5,
    };

    /// <summary>Returns the index of a frame's use.</summary>
    public static int OfFrame(PageFrameKind kind) => kind switch
    {
        PageFrameKind.Free => 0,
        PageFrameKind.Anonymous or PageFrameKind.Ksm or PageFrameKind.SwapCache => 1,
        PageFrameKind.File => 2,
        PageFrameKind.SharedMemory => 3,
        PageFrameKind.HugeTlb => 4,
        PageFrameKind.Slab or PageFrameKind.LargeKmalloc => 5,
        PageFrameKind.PageTable => 6,
        PageFrameKind.Kernel or PageFrameKind.NetworkPool or PageFrameKind.Zsmalloc => 7,
        PageFrameKind.Reserved or PageFrameKind.Offline or PageFrameKind.Unaccepted or PageFrameKind.Device => 8,
        _ => 9,
    };
}
