using System.CommandLine;
using System.IO.Enumeration;

namespace MemProc.Cli;

/// <summary><c>memproc physical</c>: shows the ranges of the physical address space.</summary>
internal sealed class PhysicalCommand : CliCommand
{
    private static readonly Column<PhysicalRange>[] Columns =
    [
        new("Start", -16, range => ConsoleFormat.HexOrHidden(range.Start)),
        new("End", -16, range => ConsoleFormat.HexOrHidden(range.End)),
        new("Size", 10, range => ConsoleFormat.Size(range.SizeBytes)),
        new("Name", 0, range => new string(' ', 2 * range.Depth) + SafeText.Escape(range.Name)),
    ];

    private readonly Option<ulong[]> _addresses = CommandOptions.List(
        "--address", "ADDRESS", "Only the ranges that contain this physical address, from the outermost to the innermost",
        PhysicalMap.ParseAddress);

    private readonly Option<PfnRange[]> _pfns = CommandOptions.List(
        "--pfn", "PFN", "Only the ranges that contain this page frame, or a frame of the range FIRST..LAST", text => PfnRange.Parse(text));

    private readonly Option<string[]> _names = CommandOptions.List(
        "--name", "PATTERN", "Only ranges whose name matches: * is any text, ? one character", text => text);

    public PhysicalCommand()
        : base("physical", "Shows the ranges of physical memory: RAM, the kernel, devices. Addresses require root.",
            "memproc physical",
            "memproc physical --name 'Kernel*'",
            "memproc physical --address 0xcd8c000")
    {
        _addresses.Aliases.Add("--physical-address");
        Options.Add(_addresses);
        Options.Add(_pfns);
        Options.Add(_names);
    }

    protected override string? Validate(ParseResult parseResult) =>
        parseResult.Has(_addresses) && parseResult.Has(_pfns) ? "Specify --address or --pfn, not both." : null;

    protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        PhysicalMap map = PhysicalMap.Read();
        string[] names = parseResult.GetValue(_names) ?? [];
        Table<PhysicalRange> table = output.BeginTable(Columns);
        void Add(IEnumerable<PhysicalRange> ranges)
        {
            foreach (PhysicalRange range in ranges.Where(range => Matches(range, names)))
            {
                cancellation.ThrowIfCancellationRequested();
                if (range.IsAddressHidden)
                {
                    output.WarnOnce(PhysicalMap.AddressesHidden);
                }

                table.Add(range);
            }
        }

        if (parseResult.Has(_addresses))
        {
            ForEach(parseResult.GetValue(_addresses)!, address => Add(map.Containing(address)), output);
        }
        else if (parseResult.Has(_pfns))
        {
            ForEach(parseResult.GetValue(_pfns)!, range => Add(map.ContainingFrames(range.First, range.Count)), output);
        }
        else
        {
            Add(map.Ranges);
        }

        table.End();
    }

    private static bool Matches(PhysicalRange range, string[] names) => names.Length == 0 || Array.Exists(
        names, name => FileSystemName.MatchesSimpleExpression(name, range.Name, ignoreCase: true));

    /// <summary>Does the work on each item. One outside of all ranges does not stop the others.</summary>
    private static void ForEach<T>(T[] items, Action<T> work, Output output)
    {
        foreach (T item in items)
        {
            output.ReportErrors(() => work(item));
        }
    }
}
