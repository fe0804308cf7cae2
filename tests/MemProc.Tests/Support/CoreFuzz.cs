using System.Text;

namespace MemProc.Tests;

/// <summary>Makes small cores to be damaged, and reads whatever a core answers. The tests and the bench share it.</summary>
internal static class CoreFuzz
{
    private const ulong Base = 0x10000;

    /// <summary>Valid cores: of the kernel for 64 and 32 bits, of MemProc, and with page information.</summary>
    public static byte[][] Samples()
    {
        byte[] page = [.. Enumerable.Range(0, 4096).Select(index => (byte)index)];
        string maps = $"8000-9000 r-xp 00000000 00:00 1 {HandmadeCore.Path}\n{Base:x}-{Base + 8192:x} rw-p 00000000 00:00 0 [heap]\n";
        return
        [
            new HandmadeCore().Process(42, Base, Base, 0x10, 0x8000, 0x9000).Load(0x8000, SmallImage(), flags: 5)
                .Load(Base, page, 8192).Build(),
            new HandmadeCore(is64Bit: false, machine: 3).Process(42, Base, Base, 0x10, 0x8000, 0x9000).Load(Base, page, 8192).Build(),
            new HandmadeCore().Process(42, Base, Base, 0x10, 0x8000, 0x9000).Load(Base, page, 8192)
                .OfMemProc(maps, (Base + 4096, 4096)).Build(),
            new HandmadeCore().OfMemProc(maps, (Base + 4096, 4096)).WithPages(maps).Load(Base, page, 8192).Build(),
        ];
    }

    /// <summary>Reads whatever a core answers; false where a part of it is refused.</summary>
    public static bool ReadAll(byte[] bytes)
    {
        bool isSound = true;
        Try(() =>
        {
            using MemProc.CoreFile core = MemProc.CoreFile.Read(
                new ElfBufferSource(bytes, "handmade"), "/handmade", DateTimeOffset.UnixEpoch);
            Try(() => ProcessCoreReader.Read(core));
            Try(() => ReadMemory(core));
            Try(() => DataModel.Of(core));
            if (core.HasPageInfo)
            {
                Try(() => _ = MapReader.ReadDetailed(core).Take(64).Count());
                Try(() => ReadPages(core));
            }
        });
        return isSound;

        void Try(Action read)
        {
            try
            {
                read();
            }
            catch (MemProcException)
            {
                isSound = false;
            }
        }
    }

    private static void ReadMemory(MemProc.CoreFile core)
    {
        MemoryReader reader = new(core, ReadMethod.Auto);
        byte[] buffer = new byte[4096];
        foreach (ProcMap map in MapReader.Read(core).Take(64))
        {
            if (map.Start <= long.MaxValue - 4096)
            {
                reader.Read(map.Start, buffer.AsSpan());
                reader.Read(map.End - 1, buffer.AsSpan(0, 2));
            }
        }

        foreach (AddressRange range in new ResidentMemory(core).Ranges(0, long.MaxValue).Take(64))
        {
            if (range.Start >= range.End)
            {
                throw new InvalidOperationException($"{range} is empty.");
            }
        }
    }

    private static void ReadPages(MemProc.CoreFile core)
    {
        using FrameTables frames = FrameTables.Of(core);
        PageMapWalk walk = new(core) { Frames = frames };
        ulong last = 0;
        foreach (PageMapEntry page in walk.All().Take(256))
        {
            if (page.Address < last)
            {
                throw new InvalidOperationException($"0x{page.Address:x} is out of order.");
            }

            last = page.Address;
        }

        _ = walk.From(Base, 4 * 4096, null).Count();
        _ = new FrameWalk(frames, raw: false).Runs(new PfnRange(0, ulong.MaxValue)).Take(256).Count();
        _ = frames.Read([1, 5, 6, 1UL << 40], raw: true);
    }

    /// <summary>The start of an ELF image with a build id.</summary>
    private static byte[] SmallImage()
    {
        byte[] image = new HandmadeCore().Note("GNU", 3, [1, 2, 3, 4, 5, 6, 7, 8]).Build();
        image[16] = 3;
        return [.. image, .. new byte[4096 - image.Length]];
    }

    /// <summary>Adds page information: two mappings with pages of several states, and their frames.</summary>
    private static HandmadeCore WithPages(this HandmadeCore core, string maps)
    {
        const ulong Present = 1UL << 63, Swapped = 1UL << 62;
        CoreBlockBuilder pages = new(0), more = new(0x11), frames = new(0);
        CorePageFormat.Add(pages, new CorePageRun(8, 1, Present | 5, IsHuge: false));
        CorePageFormat.Add(pages, new CorePageRun(0x10, 1, Present | 6, IsHuge: false));
        CorePageFormat.Add(more, new CorePageRun(0x11, 1, Swapped | 32, IsHuge: false));
        CorePageFormat.Add(frames, new SavedFrameRun(5, 1, 0x86c, 3, 7));
        CorePageFormat.Add(frames, new SavedFrameRun(6, 1, 0x5868, 1, 7));
        string smaps = string.Concat(maps.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => $"{line}\nRss:                   4 kB\nVmFlags: rd mr mw me sd\n"));
        CorePageInfo info = new(CorePageFields.Huge | CorePageFields.FrameFlags | CorePageFields.MapCounts | CorePageFields.Cgroups,
            0, 1 << 21);
        return core.Note(CoreNoteFormat.Owner, CoreNoteFormat.PageInfoType, CorePageFormat.Info(info))
            .Note(CoreNoteFormat.Owner, CoreNoteFormat.FilePartType, CorePageFormat.FilePart("smaps", 0, Encoding.ASCII.GetBytes(smaps)))
            .Note(CoreNoteFormat.Owner, CoreNoteFormat.FilePartType, CorePageFormat.FilePart("smaps", (ulong)smaps.Length, []))
            .Note(CoreNoteFormat.Owner, CoreNoteFormat.FileType, CoreNoteFormat.File(CoreNoteFormat.CgroupsName, "7 /a\n"u8))
            .Note(CoreNoteFormat.Owner, CoreNoteFormat.PagesType, pages.Take(0x11).ToArray())
            .Note(CoreNoteFormat.Owner, CoreNoteFormat.PagesType, more.Take(1UL << 52).ToArray())
            .Note(CoreNoteFormat.Owner, CoreNoteFormat.FramesType, frames.Take(CorePageFormat.EndOfFrames).ToArray());
    }
}
