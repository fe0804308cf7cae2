using System.CommandLine;
using MemProc.Interop;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc pagemap</c>: shows the pagemap entries of a process or core.</summary>
internal sealed class PageMapCommand : TargetCommand
{
    private static readonly Column<PageMapEntry> Pages =
        new("Pages", 9, page => page.PageCount.ToString(CultureInfo.InvariantCulture));

    private static readonly Column<PageMapEntry> Flags =
        new("Flags", -44, page => string.Join(',', page.Flags ?? []));

    private static readonly Column<PageMapEntry> MapCount =
        new("Maps", 6, page => page.MapCount?.ToString(CultureInfo.InvariantCulture) ?? "-");

    private static readonly Column<PageMapEntry> Cgroup =
        new("Cgroup", -24, page => SafeText.Escape(page.CgroupPath ?? (page.CgroupInode is ulong inode ? $"{inode}" : "-")));

    private static readonly Column<PageMapEntry> Node =
        new("Node", 6, page => page.Node?.ToString(CultureInfo.InvariantCulture) ?? page.NodeErrno?.ToString() ?? "-");

    private static readonly Column<PageMapEntry>[] Columns =
    [
        new("Address", -18, page => ConsoleFormat.Hex(page.Address)),
        new("Pfn", 14, page => new RawPageMapEntry(page.Raw).Location),
        new("State", -30, page => page.State),
        new("Path", 0, page => SafeText.Escape(page.Path)),
    ];

    private readonly PageRangeOptions _range = new();

    private readonly Option<ulong?> _count = CommandOptions.Option<ulong?>(
        "--count", "PAGES", "Number of pages from ADDRESS on", text => PageCount(text));

    private readonly Option<bool> _all = CommandOptions.Switch("--all", "Include pages that are not populated");
    private readonly Option<bool> _run = CommandOptions.Switch(
        "--run", "Join neighbors with the same state in consecutive frames into one line");

    private readonly PageFilterOptions _filter = new();

    private readonly Option<bool> _withFlags = CommandOptions.Switch("--with-flags", "Show the flags of the frames. Requires root");
    private readonly Option<bool> _withMapCount = CommandOptions.Switch(
        "--with-map-count", "Show how many times the frames are mapped. Requires root");

    private readonly Option<bool> _withCgroup = CommandOptions.Switch(
        "--with-cgroup", "Show the memory cgroup that is charged for the frames. Requires root");

    private readonly Option<bool> _withNode = CommandOptions.Switch("--with-node", "Show the NUMA nodes of the pages");

    private readonly Option<bool> _raw = CommandOptions.Switch(
        "--raw", "Show kernel-internal flags, and overloaded flags by their meaning");

    public PageMapCommand()
        : base("pagemap", "Shows what backs the pages of a process: a frame, a swap slot or nothing.",
            "memproc pagemap 1234 --run",
            "memproc pagemap 1234 0x7ffd2de47000 --count 4 --all",
            "memproc pagemap 1234 --anonymous --flag dirty --not-flag referenced --with-flags")
    {
        _range.AddTo(this);
        Options.Add(_count);
        Options.Add(_all);
        Options.Add(_run);
        _filter.AddTo(this);
        Options.Add(_withFlags);
        Options.Add(_withMapCount);
        Options.Add(_withCgroup);
        Options.Add(_withNode);
        Options.Add(_raw);
    }

    protected override string? Validate(ParseResult parseResult) =>
        _range.Validate(parseResult, _count) ?? _filter.Validate(parseResult);

    protected override void Run(
        MemoryTarget process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        bool joinRuns = parseResult.GetValue(_run);
        bool raw = parseResult.GetValue(_raw);
        bool withFlags = parseResult.GetValue(_withFlags) || raw;
        bool withMapCount = parseResult.GetValue(_withMapCount);
        bool withNode = parseResult.GetValue(_withNode);
        bool withCgroup = parseResult.GetValue(_withCgroup);
        PageFilter filter = _filter.Filter(parseResult, process);
        filter.ThrowIfUnsupported(process);
        FrameAttributes fields = filter.Frame.FieldsWith(withFlags, withMapCount, withCgroup);
        using FrameTables? frames = fields == FrameAttributes.None ? null : FrameTables.Of(process, fields);
        PageMapWalk walk = new(process, cancellation)
        {
            IncludeEmpty = parseResult.GetValue(_all), JoinRuns = joinRuns, Filter = filter, Frames = frames, RawFlags = raw,
            WithNodes = withNode,
        };
        IEnumerable<PageMapEntry> pages = _range.Address(parseResult, process, cancellation) is ulong address
            ? walk.From(address, _range.Length(parseResult), parseResult.GetValue(_count))
            : walk.All();
        Column<PageMapEntry>[] front = joinRuns ? [Columns[0], Pages, .. Columns[1..^1]] : Columns[..^1];
        (bool IsAsked, Column<PageMapEntry> Column)[] ofFrames =
            [(withNode, Node), (withMapCount, MapCount), (withCgroup, Cgroup), (withFlags, Flags)];
        IEnumerable<Column<PageMapEntry>> asked = ofFrames.Where(item => item.IsAsked).Select(item => item.Column);
        output.WriteTable([.. front, .. asked, Columns[^1]], WarnIfHidden(pages, output));
    }

    /// <summary>Parses a number of pages that an address space can have.</summary>
    private static ulong PageCount(string text)
    {
        ulong count = NumberParser.ParseCount(text);
        return count <= ulong.MaxValue / MachinePage.SizeBytes
            ? count
            : throw new FormatException($"'{SafeText.Escape(text)}' pages are more than an address space has.");
    }

    /// <summary>Returns the same pages, and warns at the first one whose frame the kernel hides.</summary>
    private static IEnumerable<PageMapEntry> WarnIfHidden(IEnumerable<PageMapEntry> pages, Output output)
    {
        foreach (PageMapEntry page in pages)
        {
            if (page.IsPfnHidden)
            {
                output.WarnOnce(PageMapWalk.FramesHidden);
            }

            yield return page;
        }
    }
}
