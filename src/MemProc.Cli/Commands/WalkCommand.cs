using System.CommandLine;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc walk</c>: shows the entries of a page table, from the root to a page.</summary>
internal sealed class WalkCommand : ProcessCommand
{
    private static readonly Column<PageTableEntry>[] Levels =
    [
        new("Level", -5, entry => entry.Level.ToString()),
        new("Index", 5, entry => entry.Index.ToString(CultureInfo.InvariantCulture)),
        new("*8", 5, entry => ConsoleFormat.Hex((ulong)entry.IndexBytes)),
        new("Table", -18, entry => ConsoleFormat.Hex(entry.TableAddress)),
        new("Entry", 18, entry => ConsoleFormat.Hex(entry.Entry)),
        new("Leads to", 12, entry => Location(entry.PhysicalAddress, entry.SwapType, entry.SwapOffset)),
        new("Flags", 0, entry => string.Join(' ', entry.Flags)),
    ];

    private static readonly Column<PageTableWalk>[] Ends =
    [
        new("Address", -18, walk => ConsoleFormat.Hex(walk.Address)),
        new("Level", -5, walk => walk.Level.ToString()),
        new("Page", 9, walk => ConsoleFormat.Size(walk.PageSizeBytes)),
        new("Entry", 18, walk => ConsoleFormat.Hex(walk.Entry)),
        new("Leads to", 12, walk => Location(walk.PhysicalAddress, walk.SwapType, walk.SwapOffset)),
        new("Flags", 0, walk => string.Join(' ', walk.Flags)),
    ];

    private readonly Argument<AddressExpression?> _address = CommandOptions.Address("The address to walk to");

    private readonly Option<ulong?> _length = CommandOptions.LengthOption("All pages of this number of bytes from ADDRESS on");

    private readonly Option<bool> _summary = CommandOptions.Switch("--summary", "Only the last entry of each walk");

    private readonly Option<KernelReadSource?> _source = CommandOptions.KernelSource();

    public WalkCommand()
        : base("walk", "Walks the page table of a process to an address and shows each entry on the way. Requires root.",
            "memproc walk 1234 0x7ffd2de47000",
            "memproc walk 1234 0x7ffd2de47000 --length 64K --summary")
    {
        Arguments.Add(_address);
        Options.Add(_length);
        Options.Add(_summary);
        Options.Add(_source);
    }

    protected override void Run(
        LinuxProcess process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        using PageTableReader reader = new(
            parseResult.GetValue(_source) ?? KernelReadSource.Auto, process.Files, cancellation);
        reader.Prepare(process);
        ulong address = parseResult.Resolve(_address, process, cancellation)!.Value;
        ulong length = parseResult.GetValue(_length) ?? 1;
        if (parseResult.GetValue(_summary))
        {
            output.WriteTable(Ends, reader.WalksIn(process, address, length));
            return;
        }

        bool isFirst = true;
        foreach (IReadOnlyList<PageTableEntry> entries in reader.EntriesIn(process, address, length))
        {
            if (!output.IsJson)
            {
                output.WriteLine($"{(isFirst ? "" : "\n")}{ConsoleFormat.Hex(entries[0].Address)} of process "
                    + SafeText.Escape(process.Identity.ToString()));
                isFirst = false;
            }

            output.WriteTable(Levels, entries);
        }
    }

    private static string Location(ulong? physicalAddress, uint? swapType, ulong? swapOffset) =>
        physicalAddress is ulong address ? ConsoleFormat.Hex(address)
        : swapType is uint type ? $"swap {type}:{ConsoleFormat.Hex(swapOffset ?? 0)}"
        : "-";
}
