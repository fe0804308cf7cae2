namespace MemProc.Bench;

/// <summary>Looking for eight bytes in memory that looks random.</summary>
internal sealed class SearchBytesCase : Case
{
    private const ulong Length = 4UL << 30;
    private const ulong Spare = 1UL << 30;
    private const string Pattern = "4d656d50726f6321";

    /// <inheritdoc/>
    public override string Name => "search-bytes";

    /// <inheritdoc/>
    public override string Title => "search for 8 bytes in 4 GiB";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        if (Machine.AvailableBytes < Length + Spare)
        {
            throw new SkippedException($"it takes {HumanSize.Format(Length + Spare)} of free memory");
        }

        ResidentMemory memory = ResidentMemory.Filled(context, Length);
        Plant(memory);
        Candidate one = context.Add(Core(memory, 1));
        Candidate two = context.Add(Core(memory, 2));
        Candidate loop = context.Add(new LimitCandidate("C, process_vm_readv and memmem", "read_memmem", 1,
            memory.ProcessId, memory.Start, memory.End, Pattern));
        context.Compare(one, loop, maxRatio: 1.0);
        context.Compare(two, loop, maxRatio: 1 / 1.7);
    }

    /// <summary>Puts the pattern there, over the ends of pages.</summary>
    private static void Plant(ResidentMemory memory)
    {
        using LinuxProcess process = LinuxProcess.Open(memory.ProcessId);
        for (ulong at = MachinePage.SizeBytes - 3; at < memory.Length - MachinePage.SizeBytes; at += memory.Length / 10)
        {
            byte[] bytes = Convert.FromHexString(Pattern);
            MemoryTransaction.Prepare(process, [new MemoryWriteRequest(memory.Start + at, bytes)])
                .Commit(stop: false, verify: true);
        }
    }

    private static InProcessCandidate Core(ResidentMemory memory, int workers) =>
        new($"MemProc.Core, MemorySearch, {(workers == 1 ? "one processor" : $"{workers} processors")}", 1, () =>
        {
            using LinuxProcess process = LinuxProcess.Open(memory.ProcessId);
            MemorySearch search = new(process, BytePattern.Parse(Pattern))
            {
                Range = SearchRange.All.From(memory.Start, memory.Length),
                Workers = workers,
            };
            return $"{search.Find().Count()}";
        });
}
