using System.CommandLine;
using MemProc.Interop;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc pagemap</c>: what stands behind the pages of a process.</summary>
internal sealed class PageMapCommand : CliCommand
{
    private static readonly Column<PageMapEntry> Pages =
        new("Pages", 9, page => page.PageCount.ToString(CultureInfo.InvariantCulture));

    private static readonly Column<PageMapEntry> Flags =
        new("Flags", -44, page => string.Join(',', page.Flags ?? []));

    private static readonly Column<PageMapEntry> MapCount =
        new("Maps", 6, page => page.MapCount?.ToString(CultureInfo.InvariantCulture) ?? "-");

    private static readonly Column<PageMapEntry> Cgroup =
        new("Cgroup", -24, page => SafeText.Escape(page.CgroupPath ?? (page.CgroupInode is ulong inode ? $"{inode}" : "-")));

    private static readonly Column<PageMapEntry>[] Columns =
    [
        new("Address", -18, page => Show.Hex(page.Address)),
        new("Pfn", 14, page => new PageMapWord(page.Raw).Place),
        new("State", -30, page => page.State),
        new("Path", 0, page => SafeText.Escape(page.Path)),
    ];

    private readonly Argument<int> _process = Given.Process();

    private readonly Argument<ProcAddress?> _address =
        Given.Address("The page that holds this address, or the first one; left out, the whole process", orNone: true);

    private readonly Option<ulong?> _length = Given.Option<ulong?>(
        "--length", "BYTES", "So many bytes from ADDRESS on: 4096, 0x1000, 16M", text => Numbers.Length(text));

    private readonly Option<ulong?> _count = Given.Option<ulong?>(
        "--count", "PAGES", "So many pages from ADDRESS on", text => PageCount(text));

    private readonly Option<bool> _all = Given.Switch("--all", "Pages that are not populated, too");
    private readonly Option<bool> _run = Given.Switch(
        "--run", "Join neighbours of equal state in consecutive frames into one line");

    private readonly PageFilterOptions _filter = new();

    private readonly Option<bool> _withFlags = Given.Switch("--with-flags", "The flags of the frames, too. Takes root");
    private readonly Option<bool> _withMapCount = Given.Switch(
        "--with-map-count", "How many times the frames are mapped, too. Takes root");

    private readonly Option<bool> _withCgroup = Given.Switch(
        "--with-cgroup", "Which memory cgroup pays for the frames, too. Takes root");

    private readonly Option<bool> _raw = Given.Switch(
        "--raw", "Flags of the kernel's internals, too, and overloaded ones by what they mean here");

    public PageMapCommand()
        : base("pagemap", "Shows what stands behind the pages of a process: frame, swap slot or nothing.",
            "memproc pagemap 1234 --run",
            "memproc pagemap 1234 0x7ffd2de47000 --count 4 --all",
            "memproc pagemap 1234 --anonymous --flag dirty --not-flag referenced --with-flags")
    {
        Arguments.Add(_process);
        Arguments.Add(_address);
        Options.Add(_length);
        Options.Add(_count);
        Options.Add(_all);
        Options.Add(_run);
        _filter.AddTo(this);
        Options.Add(_withFlags);
        Options.Add(_withMapCount);
        Options.Add(_withCgroup);
        Options.Add(_raw);
    }

    protected override string? Fault(ParseResult given) =>
        given.Has(_length) && given.Has(_count) ? "Give --length or --count, not both."
        : (given.Has(_length) || given.Has(_count)) && !given.Has(_address)
        ? "--length and --count need an ADDRESS to begin at."
        : _filter.Fault(given);

    protected override void Run(ParseResult given, Output output, CancellationToken cancellation)
    {
        bool joinRuns = given.GetValue(_run);
        using LinuxProcess process = LinuxProcess.Open(given.GetValue(_process));
        bool raw = given.GetValue(_raw);
        bool withFlags = given.GetValue(_withFlags) || raw;
        bool withMapCount = given.GetValue(_withMapCount);
        bool withCgroup = given.GetValue(_withCgroup);
        PageFilter filter = _filter.Filter(given);
        FrameFields fields = filter.Frame.RequiredFields | (withFlags ? FrameFields.Flags : FrameFields.None)
            | (withMapCount ? FrameFields.MapCount : FrameFields.None)
            | (withCgroup ? FrameFields.Cgroup : FrameFields.None);
        using FrameTables? frames = fields == FrameFields.None ? null : new FrameTables(fields);
        PageMapWalk walk = new(process, cancellation)
        {
            IncludeEmpty = given.GetValue(_all), JoinRuns = joinRuns, Filter = filter, Frames = frames, RawFlags = raw,
        };
        ulong? address = given.GetValue(_address)?.Resolve(process);
        IEnumerable<PageMapEntry> pages = address is ulong first
            ? walk.From(first, given.GetValue(_length), given.GetValue(_count))
            : walk.All();
        Column<PageMapEntry>[] front = joinRuns ? [Columns[0], Pages, .. Columns[1..^1]] : Columns[..^1];
        (bool IsAsked, Column<PageMapEntry> Column)[] ofFrames =
            [(withMapCount, MapCount), (withCgroup, Cgroup), (withFlags, Flags)];
        IEnumerable<Column<PageMapEntry>> asked = ofFrames.Where(item => item.IsAsked).Select(item => item.Column);
        output.WriteTable([.. front, .. asked, Columns[^1]], TellHidden(pages, output));
    }

    /// <summary>A number of pages whose bytes can still be counted.</summary>
    private static ulong PageCount(string text)
    {
        ulong count = Numbers.Count(text);
        return count <= ulong.MaxValue / MachinePage.SizeBytes
            ? count
            : throw new FormatException($"'{SafeText.Escape(text)}' pages are more than an address space has.");
    }

    /// <summary>The same pages; the first one whose frame the kernel hides is told of.</summary>
    private static IEnumerable<PageMapEntry> TellHidden(IEnumerable<PageMapEntry> pages, Output output)
    {
        bool isTold = false;
        foreach (PageMapEntry page in pages)
        {
            if (page.IsPfnHidden && !isTold)
            {
                isTold = true;
                output.Tell(PageMapWalk.FramesHidden);
            }

            yield return page;
        }
    }
}
