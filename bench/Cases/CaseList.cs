namespace MemProc.Bench;

/// <summary>The cases, in the order in which they are run.</summary>
internal static class CaseList
{
    /// <summary>Every case.</summary>
    public static IReadOnlyList<Case> All { get; } =
    [
        new ReservationCase(),
        new WalkCase(),
        new ObjectsCase(),
        new PipelineCase(),
        new PageTableCase(),
        new MapsCase(),
        new MachineFlagsCase(),
        new MachineFramesCase(),
        new PageFramesCase(),
        new ProcessFlagsCase(),
        new FindPfnCase(),
        new FindManyCase(100_000),
        new FindManyCase(1_000_000),
        new IndexCase(),
        new UniqueMemoryCase(),
        new CoreCase(),
        new OutFileCase(),
        new ReadCase(),
        new SearchBytesCase(),
        new SearchValueCase(),
        new SearchStringsCase(),
        new SearchCoreCase(),
        new HostSearchCase(),
        new PointerPathCase(),
        new CompareCase(),
        new CompareImageCase(),
        new ResolveCase(),
        new StartCase(),
        new ImportCase(),
    ];
}
