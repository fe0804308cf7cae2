using System.CommandLine;
using System.IO.Enumeration;

namespace MemProc.Cli;

/// <summary><c>memproc physical</c>: shows the ranges of the physical address space.</summary>
internal sealed class PhysicalCommand : CliCommand
{
    private static readonly Column<PhysicalRange>[] Columns =
    [
        new("Start", -16, range => Show.HexOrHidden(range.Start)),
        new("End", -16, range => Show.HexOrHidden(range.End)),
        new("Size", 10, range => Show.Size(range.SizeBytes)),
        new("Name", 0, range => new string(' ', 2 * range.Depth) + SafeText.Escape(range.Name)),
    ];

    private readonly Option<ulong[]> _addresses = Given.List(
        "--address", "ADDRESS", "Only the ranges that contain this physical address, from the outermost to the innermost",
        PhysicalMap.ParseAddress);

    private readonly Option<ulong[]> _pfns = Given.List(
        "--pfn", "PFN", "Only the ranges that contain this page frame", text => PfnRange.Parse(text).First);

    private readonly Option<string[]> _names = Given.List(
        "--name", "PATTERN", "Only ranges whose name matches: * is any text, ? one character", text => text);

    public PhysicalCommand()
        : base("physical", "Shows the ranges of physical memory: RAM, the kernel, devices. Addresses require root.",
            "memproc physical",
            "memproc physical --name 'Kernel*'",
            "memproc physical --address 0xcd8c000")
    {
        Options.Add(_addresses);
        Options.Add(_pfns);
        Options.Add(_names);
    }

    protected override string? Fault(ParseResult given) =>
        given.Has(_addresses) && given.Has(_pfns) ? "Specify --address or --pfn, not both." : null;

    protected override void Run(ParseResult given, Output output, CancellationToken cancellation)
    {
        PhysicalMap map = PhysicalMap.Read();
        string[] names = given.GetValue(_names) ?? [];
        Table<PhysicalRange> table = output.BeginTable(Columns);
        void Add(IEnumerable<PhysicalRange> ranges)
        {
            foreach (PhysicalRange range in ranges.Where(range => Fits(range, names)))
            {
                cancellation.ThrowIfCancellationRequested();
                if (range.IsAddressHidden)
                {
                    output.WarnOnce(PhysicalMap.AddressesHidden);
                }

                table.Add(range);
            }
        }

        if (given.Has(_addresses))
        {
            Each(given.GetValue(_addresses)!, address => Add(map.Holding(address)), output);
        }
        else if (given.Has(_pfns))
        {
            Each(given.GetValue(_pfns)!, pfn => Add(map.HoldingFrames(pfn)), output);
        }
        else
        {
            Add(map.Ranges);
        }

        table.End();
    }

    private static bool Fits(PhysicalRange range, string[] names) => names.Length == 0 || Array.Exists(
        names, name => FileSystemName.MatchesSimpleExpression(name, range.Name, ignoreCase: true));

    /// <summary>Does the work on each number. One outside of all ranges does not stop the others.</summary>
    private static void Each(ulong[] numbers, Action<ulong> work, Output output)
    {
        foreach (ulong number in numbers)
        {
            output.Attempt(() => work(number));
        }
    }
}
