namespace MemProc.Tests;

/// <summary>A simulated idle bitmap that stores what is written, with the flags of its frames.</summary>
internal sealed class SimulatedIdleBitmap
{
    /// <summary>Number of frames of the machine.</summary>
    public const int FrameCount = 1 << 16;

    /// <summary>A kpageflags entry: on an LRU list.</summary>
    public const ulong Lru = 1UL << 5;

    /// <summary>A kpageflags entry: the first frame of a compound page.</summary>
    public const ulong Head = 1UL << 15;

    /// <summary>A kpageflags entry: a later frame of a compound page.</summary>
    public const ulong Tail = 1UL << 16;

    private readonly string _path;

    /// <summary>Creates the files, with every frame on an LRU list and none idle.</summary>
    public SimulatedIdleBitmap(SimulatedProcess simulated)
    {
        _path = PathIn(simulated);
        SimulatedProcess.WriteKernelFile(_path, new byte[FrameCount / 8]);
        ulong[] flags = new ulong[FrameCount];
        Array.Fill(flags, Lru);
        simulated.WriteFrames("kpageflags", 0, flags);
        simulated.WriteFrames("kpagecount", 0, new ulong[FrameCount]);
    }

    /// <summary>Its path.</summary>
    public static string PathIn(SimulatedProcess simulated) =>
        Path.Combine(simulated.Files.Sys, "kernel", "mm", "page_idle", "bitmap");

    /// <summary>The frames that are idle.</summary>
    public ulong[] Idle()
    {
        byte[] bytes = File.ReadAllBytes(_path);
        return [.. Enumerable.Range(0, bytes.Length * 8).Where(pfn => (bytes[pfn / 8] & 1 << pfn % 8) != 0)
            .Select(pfn => (ulong)pfn)];
    }

    /// <summary>Touches a frame, which is no longer idle.</summary>
    public void Touch(params ulong[] pfns)
    {
        byte[] bytes = File.ReadAllBytes(_path);
        foreach (ulong pfn in pfns)
        {
            bytes[pfn / 8] &= (byte)~(1 << (int)(pfn % 8));
        }

        File.WriteAllBytes(_path, bytes);
    }
}
