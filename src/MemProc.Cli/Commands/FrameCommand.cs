using System.CommandLine;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc frame</c>: shows what page frames are used for, and whom they belong to.</summary>
internal sealed class FrameCommand : CliCommand
{
    private static readonly Column<PageFrame>[] Columns =
    [
        new("Pfn", 12, frame => ConsoleFormat.Hex(frame.Pfn)),
        new("Kind", -13, frame => frame.Kind.ToString()),
        new("Order", 5, frame => frame.Order?.ToString(CultureInfo.InvariantCulture) ?? "-"),
        new("Refs", 6, frame => frame.RefCount.ToString(CultureInfo.InvariantCulture)),
        new("Maps", 6, frame => frame.MapCount.ToString(CultureInfo.InvariantCulture)),
        new("Belongs to", 0, Owner),
    ];

    private readonly Argument<PfnRange[]> _pfns = CommandOptions.Pfns(orNone: true);

    private readonly Option<ulong?> _count = CommandOptions.Option<ulong?>(
        "--count", "FRAMES", "Number of frames from each PFN on", text => NumberParser.ParseCount(text));

    private readonly Option<int?> _process = CommandOptions.Option<int?>("--process", "PID",
        "The frames of the pages of this process that are in memory", text => NumberParser.ParseProcessId(text));

    private readonly Option<AddressExpression?> _address = CommandOptions.AddressOption(
        "With --process: only the frame of the page at this address");

    private readonly Option<ulong?> _length = CommandOptions.LengthOption("All pages of this number of bytes from --address on");

    private readonly PageFrameFilterOptions _filter = new();

    public FrameCommand()
        : base("frame", "Shows what page frames are used for and whom they belong to, by the kernel's struct pages. Shows all "
            + "frames of the machine if neither PFN nor --process is given. Requires root.",
            "memproc frame 0xc963",
            "memproc frame --process 1234 --address 0x7ffd2de47000",
            "memproc frame --path '*libc*' --kind file",
            "memproc frame --slab dentry --json")
    {
        Arguments.Add(_pfns);
        Options.Add(_count);
        Options.Add(_process);
        Options.Add(_address);
        Options.Add(_length);
        _filter.AddTo(this);
    }

    protected override string? Validate(ParseResult parseResult) =>
        parseResult.Has(_process) && parseResult.GetValue(_pfns) is { Length: > 0 } ? "Specify PFN or --process, not both."
        : parseResult.Has(_address) && !parseResult.Has(_process) ? "--address requires --process."
        : parseResult.Has(_length) && !parseResult.Has(_address) ? "--length requires --address."
        : parseResult.Has(_count) && parseResult.GetValue(_pfns) is not { Length: > 0 } ? "--count requires PFN."
        : null;

    protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        PageFrameFilter? filter = _filter.Filter(parseResult);
        using PageFrameReader reader = new(_filter.Source(parseResult), cancellation: cancellation);
        reader.Prepare();
        if (parseResult.GetValue(_process) is int id)
        {
            using LinuxProcess process = LinuxProcess.Open(id);
            output.WriteTable(Columns, parseResult.Resolve(_address, process) is ulong address
                ? reader.ReadAddress(process, address, parseResult.GetValue(_length) ?? 1, filter)
                : reader.ReadProcess(process, AddressRange.All, filter));
            return;
        }

        Table<PageFrame> table = output.BeginTable(Columns);
        ulong count = parseResult.GetValue(_count) ?? 1;
        PfnRange[] ranges = parseResult.GetValue(_pfns) is { Length: > 0 } given ? given : [new PfnRange(0, reader.End)];
        foreach (PfnRange range in ranges)
        {
            // A frame that does not exist does not stop the others.
            output.ReportErrors(() => table.AddEach(
                Frames(reader, range with { Count = Math.Max(range.Count, count) }, filter), cancellation));
        }

        table.End();
    }

    private static IEnumerable<PageFrame> Frames(PageFrameReader reader, PfnRange range, PageFrameFilter? filter)
    {
        if (range.First >= reader.End || (range.Count == 1 && reader.Read([range.First])[0] is null))
        {
            throw PageFrameReader.OutOfRange(range.First);
        }

        return reader.ReadRange(range, filter);
    }

    private static string Owner(PageFrame frame) => frame switch
    {
        { Path: string path } => $"{SafeText.Escape(path)}+{ConsoleFormat.Hex(frame.Offset ?? 0)}",
        { Inode: ulong inode } => $"{SafeText.Escape(frame.FileSystem ?? "file")} inode {inode}+{ConsoleFormat.Hex(frame.Offset ?? 0)}",
        { Slab: string slab } => SafeText.Escape(slab),
        { CgroupPath: string cgroup } => $"cgroup {SafeText.Escape(cgroup)}",
        _ => "",
    };
}
