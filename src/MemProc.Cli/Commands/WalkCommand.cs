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
        new("*8", 5, entry => Show.Hex((ulong)entry.IndexBytes)),
        new("Table", -18, entry => Show.Hex(entry.TableAddress)),
        new("Entry", 18, entry => Show.Hex(entry.Entry)),
        new("Leads to", 12, entry => Place(entry.PhysicalAddress, entry.SwapType, entry.SwapOffset)),
        new("Flags", 0, entry => string.Join(' ', entry.Flags)),
    ];

    private static readonly Column<PageTableWalk>[] Ends =
    [
        new("Address", -18, walk => Show.Hex(walk.Address)),
        new("Level", -5, walk => walk.Level.ToString()),
        new("Page", 9, walk => Show.Size(walk.PageSizeBytes)),
        new("Entry", 18, walk => Show.Hex(walk.Entry)),
        new("Leads to", 12, walk => Place(walk.PhysicalAddress, walk.SwapType, walk.SwapOffset)),
        new("Flags", 0, walk => string.Join(' ', walk.Flags)),
    ];

    private readonly Argument<ProcAddress?> _address = Given.Address("The address to walk to");

    private readonly Option<ulong?> _length = Given.LengthOption("All pages of this number of bytes from ADDRESS on");

    private readonly Option<bool> _summary = Given.Switch("--summary", "Only the last entry of each walk");

    private readonly Option<KernelReadSource?> _source = Given.KernelSource();

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
        LinuxProcess process, ParseResult given, Output output, CancellationToken cancellation)
    {
        using PageTableReader reader = new(
            given.GetValue(_source) ?? KernelReadSource.Auto, process.Files, cancellation);
        reader.Prepare(process);
        ulong address = given.Resolve(_address, process)!.Value;
        ulong length = given.GetValue(_length) ?? 1;
        if (given.GetValue(_summary))
        {
            output.WriteTable(Ends, reader.WalksIn(process, address, length));
            return;
        }

        bool isFirst = true;
        foreach (IReadOnlyList<PageTableEntry> entries in reader.EntriesIn(process, address, length))
        {
            if (!output.IsJson)
            {
                output.WriteLine($"{(isFirst ? "" : "\n")}{Show.Hex(entries[0].Address)} of process "
                    + SafeText.Escape(process.Identity.ToString()));
                isFirst = false;
            }

            output.WriteTable(Levels, entries);
        }
    }

    private static string Place(ulong? physicalAddress, uint? swapType, ulong? swapOffset) =>
        physicalAddress is ulong address ? Show.Hex(address)
        : swapType is uint type ? $"swap {type}:{Show.Hex(swapOffset ?? 0)}"
        : "-";
}
