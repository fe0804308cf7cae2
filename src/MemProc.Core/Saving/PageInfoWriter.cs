using System.Globalization;
using System.Text;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// Writes the page information of a core: what only the kernel knows at this moment. Its memory use depends on the size of
/// the machine's memory, a bit for each frame, and not on the size of the process.
/// </summary>
/// <param name="process">The process.</param>
/// <param name="cancellation">Stops the work.</param>
internal sealed class PageInfoWriter(LinuxProcess process, CancellationToken cancellation)
{
    /// <summary>Small files of the process. Those that a kernel does not have are left out.</summary>
    private static readonly string[] SmallFiles =
        ["limits", "smaps_rollup", "cgroup", "oom_score", "oom_score_adj", "ksm_stat", "ksm_merging_pages"];

    /// <summary>Files about kernel and machine, by their paths below <c>/proc</c>.</summary>
    private static readonly string[] MachineFiles = ["version", "meminfo", "sys/vm/max_map_count"];

    private readonly FrameSet _frames = new();
    private bool _areFramesHidden;

    /// <summary>What could not be saved, and why; null where nothing is missing.</summary>
    public string? Missing { get; private set; }

    /// <summary>Writes the notes.</summary>
    /// <exception cref="MemProcException">
    /// ReadMaps, ReadPageMap, ReadPageFlags: EACCES without ptrace access; ESRCH where the process exits.
    /// </exception>
    public void Write(DumpFileWriter stream)
    {
        using FrameTables? tables = TryOpenTables();
        WriteNote(stream, CoreNoteFormat.PageInfoType, CorePageFormat.Info(new CorePageInfo(
            (IsHugeReported() ? CorePageFields.Huge : 0)
                | (tables is null ? 0 : CorePageFields.FrameFlags | CorePageFields.MapCounts)
                | (tables?.HasCgroups == true ? CorePageFields.Cgroups : 0),
            PageMapSupport.UnknownBits(process), TransparentHugePage.Size(process.Files) ?? 0)));
        WriteLargeFile(stream, "smaps");
        foreach (string name in SmallFiles)
        {
            WriteFile(stream, name, TryRead(name));
        }

        foreach (string name in MachineFiles)
        {
            WriteFile(stream, name, process.TryReadMachineText(name) is string text
                ? Encoding.UTF8.GetBytes(text)
                : null);
        }

        WritePages(stream);
        if (tables is not null)
        {
            WriteFrames(stream, tables);
        }

        if (_areFramesHidden && Missing is null)
        {
            Missing = $"The core has no frame numbers: {PageMapWalk.FramesHidden}";
        }
    }

    private static void WriteNote(DumpFileWriter stream, uint type, ReadOnlySpan<byte> content) =>
        stream.Write(CoreNoteFormat.Note(CoreNoteFormat.Owner, type, content));

    private static void WriteFile(DumpFileWriter stream, string name, byte[]? content)
    {
        if (content is not null)
        {
            WriteNote(stream, CoreNoteFormat.FileType, CoreNoteFormat.File(name, content));
        }
    }

    private FrameTables? TryOpenTables()
    {
        try
        {
            return new FrameTables(FrameAttributes.All, process.Files);
        }
        catch (MemProcException error)
        {
            Missing = $"The core has no page flags, map counts, and cgroups: {error.Message}";
            return null;
        }
    }

    private bool IsHugeReported() => process.Pages.TryFindPopulated(
        0, MachinePage.SizeBytes, new PageRegion[1], out _, out _, maxPages: 1) == Errno.None;

    private void WriteLargeFile(DumpFileWriter stream, string name)
    {
        using SafeFileHandle file = process.OpenFile(name, Operation.ReadMaps);
        byte[] part = new byte[CorePageFormat.PartBytes];
        ulong offset = 0;
        for (int read; (read = Libc.PReadFully(file, part, offset)) > 0; offset += (ulong)read)
        {
            cancellation.ThrowIfCancellationRequested();
            WriteNote(stream, CoreNoteFormat.FilePartType, CorePageFormat.FilePart(name, offset, part.AsSpan(0, read)));
        }

        process.ThrowIfExited(Operation.ReadMaps);
        // The end of the text: without it, a text that was cut off would look complete.
        WriteNote(stream, CoreNoteFormat.FilePartType, CorePageFormat.FilePart(name, offset, []));
    }

    private byte[]? TryRead(string name)
    {
        if (Libc.TryOpenAt(process.Folder, name, OpenAccess.ReadOnly, out SafeFileHandle? file) != Errno.None)
        {
            return null;
        }

        using (file)
        {
            byte[] buffer = new byte[16 * 1024];
            return buffer[..Libc.PReadFully(file!, buffer, 0)];
        }
    }

    private void WritePages(DumpFileWriter stream)
    {
        CoreBlockBuilder block = new(0);
        CorePageRun open = default;
        PopulatedPages walk = new(process, cancellation) { DetectHuge = true, Operation = Operation.SaveMemory };
        foreach ((_, PageMapRange pages) in walk.In(AddressRange.All))
        {
            ulong first = pages.Address / MachinePage.SizeBytes;
            ReadOnlySpan<ulong> entries = pages.Entries.Span;
            for (int index = 0; index < entries.Length; index++)
            {
                RawPageMapEntry entry = new(entries[index]);
                if (!entry.IsPopulated)
                {
                    continue;
                }

                if (entry.Pfn != 0)
                {
                    _frames.Add(entry.Pfn);
                }

                _areFramesHidden |= entry.IsPfnHidden;
                CorePageRun page = new(first + (ulong)index, 1, entry.Raw, pages.IsHuge == true);
                if (page.Page == open.End && page.IsHuge == open.IsHuge && page.Entry == open.EntryOf(page.Page))
                {
                    open = open with { Count = open.Count + 1 };
                    continue;
                }

                WriteRun(open);
                open = page;
            }
        }

        WriteRun(open);
        WriteNote(stream, CoreNoteFormat.PagesType, block.Take(ulong.MaxValue / MachinePage.SizeBytes + 1));

        void WriteRun(CorePageRun run)
        {
            if (run.Count == 0)
            {
                return;
            }

            if (block.IsFull)
            {
                WriteNote(stream, CoreNoteFormat.PagesType, block.Take(block.Last));
            }

            CorePageFormat.Add(block, run);
        }
    }

    private void WriteFrames(DumpFileWriter stream, FrameTables tables)
    {
        CoreBlockBuilder block = new(0);
        HashSet<ulong> inodes = [];
        ulong[] flags = new ulong[FrameSet.BlockFrames], counts = new ulong[FrameSet.BlockFrames];
        SavedFrameRun open = default;
        foreach (ReadOnlyMemory<ulong> chunk in _frames.Chunks())
        {
            cancellation.ThrowIfCancellationRequested();
            // Memory of devices has frames after the end of the tables.
            ReadOnlySpan<ulong> pfns = chunk.Span[..tables.ReadFlags(chunk.Span, flags)];
            counts.AsSpan().Clear();
            tables.ReadMapCounts(pfns, counts);
            ulong[]? cgroups = tables.ReadCgroups(pfns);
            for (int index = 0; index < pfns.Length; index++)
            {
                SavedFrameRun frame = new(pfns[index], 1, flags[index], counts[index], cgroups?[index] ?? 0);
                if (frame == open with { First = open.End, Count = 1 })
                {
                    open = open with { Count = open.Count + 1 };
                    continue;
                }

                WriteRun(open);
                open = frame;
                inodes.Add(frame.Cgroup);
            }
        }

        WriteRun(open);
        WriteNote(stream, CoreNoteFormat.FramesType, block.Take(CorePageFormat.EndOfFrames));
        CgroupTree tree = CgroupTree.Load(process.Files);
        WriteFile(stream, CoreNoteFormat.CgroupsName, PathText.Encode(string.Concat(inodes
            .Where(inode => tree.PathOf(inode)?.Contains('\n', StringComparison.Ordinal) == false).Order()
            .Select(inode => string.Create(CultureInfo.InvariantCulture, $"{inode} {tree.PathOf(inode)}\n")))));

        void WriteRun(SavedFrameRun run)
        {
            if (run.Count == 0)
            {
                return;
            }

            if (block.IsFull)
            {
                WriteNote(stream, CoreNoteFormat.FramesType, block.Take(block.Last));
            }

            CorePageFormat.Add(block, run);
        }
    }
}
