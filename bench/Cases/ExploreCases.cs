using System.Diagnostics;
using System.Globalization;

namespace MemProc.Bench;

/// <summary>All strings in memory, against a search for eight bytes in the same memory.</summary>
internal sealed class SearchStringsCase : Case
{
    private const ulong Length = 1UL << 30;
    private const ulong Spare = 1UL << 30;

    /// <inheritdoc/>
    public override string Name => "search-strings";

    /// <inheritdoc/>
    public override string Title => "search for strings in 1 GiB";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        if (Machine.AvailableBytes < Length + Spare)
        {
            throw new SkippedException($"it takes {HumanSize.Format(Length + Spare)} of free memory");
        }

        ResidentMemory memory = ResidentMemory.Filled(context, Length);
        SearchRange range = SearchRange.All.From(memory.Start, memory.Length);
        double strings = 0;
        // Both answer how much they have searched: what they find differs.
        Candidate all = context.Add(new InProcessCandidate("MemProc.Core, StringSearch, three encodings", 1, () =>
        {
            using LinuxProcess process = LinuxProcess.Open(memory.ProcessId);
            StringSearch search = new(process) { Range = range };
            strings = search.Find().Count();
            return $"{search.SearchedBytes}";
        }));
        Candidate ascii = context.Add(new InProcessCandidate("MemProc.Core, StringSearch, ASCII", 1, () =>
        {
            using LinuxProcess process = LinuxProcess.Open(memory.ProcessId);
            StringSearch search = new(process, encoding: MemoryStringEncoding.Ascii) { Range = range };
            _ = search.Find().Count();
            return $"{search.SearchedBytes}";
        }));
        Candidate bytes = context.Add(new InProcessCandidate("MemProc.Core, MemorySearch for 8 bytes", 1, () =>
        {
            using LinuxProcess process = LinuxProcess.Open(memory.ProcessId);
            MemorySearch search = new(process, BytePattern.Parse("4d656d50726f6321")) { Range = range };
            _ = search.Find().Count();
            return $"{search.SearchedBytes}";
        }));
        context.Compare(all, bytes, maxRatio: 2);
        context.Compare(ascii, bytes, maxRatio: 2);
        context.Remark("Strings", () => ReportFormat.Digits(strings));
    }
}

/// <summary>Paths of four pointers from static memory to an address in a process of 1 GiB that is full of pointers.</summary>
internal sealed class PointerPathCase : Case
{
    private const ulong Length = 1UL << 30;
    private const ulong Spare = 3UL << 30;

    /// <inheritdoc/>
    public override string Name => "pointer-path";

    /// <inheritdoc/>
    public override string Title => "pointer paths of depth 4 in 1 GiB";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        if (Machine.AvailableBytes < Length + Spare)
        {
            throw new SkippedException($"it takes {HumanSize.Format(Length + Spare)} of free memory");
        }

        Forest forest = context.Keep(new Forest());
        double seconds = 0;
        context.Add(new InProcessCandidate("MemProc.Core, PointerPathFinder", 1, () =>
        {
            long start = Stopwatch.GetTimestamp();
            using LinuxProcess process = LinuxProcess.Open(forest.ProcessId);
            PointerChain[] found = [.. new PointerPathFinder(process).Find(forest.Address)];
            seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            return found.Any(chain => chain.Depth == 4) ? $"{found.Length}"
                : throw new BenchException("The path of four pointers was not found.");
        }));
        context.Remark("Seconds", () => ReportFormat.WithGoal(seconds, 60));
    }

    /// <summary>The process.</summary>
    private sealed class Forest : IDisposable
    {
        private readonly Process _process;

        public Forest()
        {
            _process = Process.Start(new ProcessStartInfo(LimitPrograms.Program("pointer_forest"), $"{Length}")
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            })!;
            Address = ulong.Parse(_process.StandardOutput.ReadLine()!.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        }

        public int ProcessId => _process.Id;

        public ulong Address { get; }

        public void Dispose()
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
        }
    }
}

/// <summary>A text in 200 processes that share most of their memory: each frame once, and each process.</summary>
internal sealed class HostSearchCase : Case
{
    private const int Count = 200;
    private const string Text = "GLIBC_2.3.4";

    /// <inheritdoc/>
    public override string Name => "search-host";

    /// <inheritdoc/>
    public override string Title => $"search {Count} processes that share memory";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        Tools.RequireRoot();
        int[] ids = [.. context.Keep(new SleepingProcesses(Count)).Ids];
        BytePattern pattern = BytePattern.Text(Text, System.Text.Encoding.ASCII);
        double read = 0, mapped = 0;
        Candidate once = context.Add(new InProcessCandidate("MemProc.Core, HostSearch", 1, () =>
        {
            HostSearch search = new(ids, _ => pattern);
            int places = search.Find(error => throw error, text => throw new BenchException(text)).Sum(match => match.Owners.Length);
            (read, mapped) = (search.SearchedBytes, search.MappedBytes);
            return $"{places}";
        }));
        Candidate each = context.Add(new InProcessCandidate("MemProc.Core, MemorySearch of each process", 1, () =>
        {
            int places = 0;
            foreach (int id in ids)
            {
                using LinuxProcess process = LinuxProcess.Open(id);
                places += new MemorySearch(process, pattern).Find().Count();
            }

            return $"{places}";
        }));
        context.Compare(once, each);
        context.Remark("Bytes read of bytes mapped", () => $"{HumanSize.Format((ulong)read)} of {HumanSize.Format((ulong)mapped)}");
    }
}
