using System.Globalization;
using System.Runtime.InteropServices;

namespace MemProc.Bench;

/// <summary>Walks of a page table, beside a C program that reads the same entries and compares nothing.</summary>
internal sealed class PageTableCase : Case
{
    private const int Pages = 4096;

    /// <inheritdoc/>
    public override string Name => "page-table";

    /// <inheritdoc/>
    public override string Title => "walks of the page table to 4096 pages";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        ResidentMemory memory = ResidentMemory.In(context, Pages * 4096UL);
        LinuxProcess process = context.Keep(LinuxProcess.Open(memory.ProcessId));
        PageTableReader reader = context.Keep(new PageTableReader());
        IReadOnlyList<PageTableEntry> entries = Entries(reader, process, memory.Start);
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64 || entries.Count != 4)
        {
            throw new SkippedException("the C program knows pages of 4 KiB in four levels of x86-64 alone");
        }

        ulong directMap = entries[1].TableAddress - entries[0].PhysicalAddress!.Value;
        InProcessCandidate core = context.Add(new InProcessCandidate(
            "MemProc.Core, PageTableReader", 1, () => Sum(reader, process, memory).ToString(CultureInfo.InvariantCulture)));
        Candidate limit = context.Add(new LimitCandidate("C, four reads by bpf", "page_table_walk", 1,
            $"0x{entries[0].TableAddress:x}", $"0x{directMap:x}", $"0x{memory.Start:x}", Pages));
        context.Compare(core, limit, maxRatio: 2);
        context.Remark("Allocated a walk", () => HumanSize.Format((ulong)(core.AllocatedBytes / Pages)));
    }

    private static IReadOnlyList<PageTableEntry> Entries(PageTableReader reader, LinuxProcess process, ulong address)
    {
        try
        {
            return reader.Entries(process, address);
        }
        catch (MemProcException error)
        {
            throw new SkippedException(error.Message);
        }
    }

    private static ulong Sum(PageTableReader reader, LinuxProcess process, ResidentMemory memory)
    {
        ulong sum = 0;
        for (ulong page = 0; page < Pages; page++)
        {
            sum += reader.Walk(process, memory.Start + page * 4096).Pfn ?? 0;
        }

        return sum;
    }
}
