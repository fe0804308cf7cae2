namespace MemProc.Bench;

/// <summary>Looking for eight bytes in a core that is in memory.</summary>
internal sealed class SearchCoreCase : Case
{
    private const ulong Length = 1UL << 30;
    private const ulong Spare = 3UL << 30;

    /// <summary>Nowhere in it, so that all places are looked at and none is written.</summary>
    private const string Pattern = "4d656d50726f6321";

    /// <inheritdoc/>
    public override string Name => "search-core";

    /// <inheritdoc/>
    public override string Title => "search for 8 bytes in a core of 1 GiB";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        Scratch scratch = context.Keep(Scratch.InMemory(Spare));
        string path = scratch.Path("core");
        using (TargetProcess target = TargetProcess.Start())
        {
            FilledMemory.In(target, Length, Length);
            using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
            MemorySaver.Save(process, null, path, new SaveOptions { Stop = true }, _ => { }, CancellationToken.None);
        }

        Candidate one = context.Add(Core(path, 1));
        Candidate two = context.Add(Core(path, 2));
        Candidate loop = context.Add(new LimitCandidate("C, pread and memmem of the file", "file_memmem", 1, path, Pattern));
        // 1.25 of the time is 0.8 of the bandwidth; users have all processors.
        context.Compare(one, loop);
        context.Compare(two, loop, maxRatio: 1.25);
    }

    private static InProcessCandidate Core(string path, int workers) =>
        new($"MemProc.Core, MemorySearch, {(workers == 1 ? "one processor" : $"{workers} processors")}", 1, () =>
        {
            using MemProc.CoreFile core = MemProc.CoreFile.Open(path);
            return $"{new MemorySearch(core, BytePattern.Parse(Pattern)) { Workers = workers }.Find().Count()}";
        });
}
