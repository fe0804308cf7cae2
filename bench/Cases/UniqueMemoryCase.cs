using System.Diagnostics;
using System.Globalization;

namespace MemProc.Bench;

/// <summary>
/// The unique and proportional memory of a large process, by its pages and by the kernel's sums, and how long the process
/// waits meanwhile to map memory.
/// </summary>
internal sealed class UniqueMemoryCase : Case
{
    /// <summary>What must be free besides.</summary>
    private const ulong Spare = 2UL << 30;

    /// <summary>By how much the sums may differ: the process maps and unmaps memory.</summary>
    private const ulong Noise = 1UL << 20;

    /// <inheritdoc/>
    public override string Name => "unique-memory";

    /// <inheritdoc/>
    public override string Title => $"PSS and USS of {Tools.ResidentGiB} GiB resident";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        Tools.RequireRoot();
        ulong length = (ulong)Tools.ResidentGiB << 30;
        if (Machine.AvailableBytes < length + Spare)
        {
            throw new SkippedException($"it takes {HumanSize.Format(length + Spare)} of free memory; --resident sets the size");
        }

        MapLoop loop = context.Keep(new MapLoop(length));
        LinuxProcess process = context.Keep(LinuxProcess.Open(loop.ProcessId));
        List<double> waitsOfPages = [];
        List<double> waitsOfRollup = [];
        Candidate pages = context.Add(Sum(
            "MemProc.Core, PageMemoryMeter", loop, waitsOfPages, () => new PageMemoryMeter(process).Read(), length));
        Candidate rollup = context.Add(Sum(
            "smaps_rollup", loop, waitsOfRollup, () => MemoryStatusReader.ReadDetailed(process), length));
        context.Compare(pages, rollup, maxRatio: 0.7);
        context.Remark("Longest wait of a thread that maps memory, median of the turns", () =>
        {
            double ours = Distribution.Of(waitsOfPages).Median;
            double theirs = Distribution.Of(waitsOfRollup).Median;
            return $"{ReportFormat.Time(ours)} while pages are read, {ReportFormat.Time(theirs)} while smaps_rollup is; ratio "
                + ReportFormat.WithGoal(ours / theirs, 0.05);
        });
        context.Remark("Longest lock as reported, at the end", () => ReportFormat.Time(
            new PageMemoryMeter(process).Read().MaxLockMicroseconds * 1000));
    }

    private static InProcessCandidate Sum(
        string name, MapLoop loop, List<double> waits, Func<ProcMemoryStatusDetail> read, ulong length) => new(name, 1, () =>
    {
        loop.TakeLongestWait();
        ProcMemoryStatusDetail status = read();
        waits.Add(loop.TakeLongestWait());
        return status.UssBytes >= length && status.UssBytes < length + Noise && status.PssBytes >= length
            && status.PssBytes < length + Noise
            ? string.Empty
            : throw new BenchException(string.Create(CultureInfo.InvariantCulture,
                $"{name}: USS {status.UssBytes} and PSS {status.PssBytes} of {length} bytes."));
    });

    /// <summary>The process: a C program of <c>limits/</c>.</summary>
    private sealed class MapLoop : IDisposable
    {
        private readonly Process _process;

        public MapLoop(ulong bytes)
        {
            _process = Process.Start(new ProcessStartInfo(LimitPrograms.Program("map_loop"), [$"{bytes}"])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            })!;
            if (_process.StandardOutput.ReadLine() != "ready")
            {
                Dispose();
                throw new BenchException("map_loop could not map its memory.");
            }
        }

        public int ProcessId => _process.Id;

        /// <summary>The longest wait since the call before, nanoseconds.</summary>
        public double TakeLongestWait()
        {
            _process.StandardInput.WriteLine();
            _process.StandardInput.Flush();
            return double.Parse(_process.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
        }

        public void Dispose()
        {
            _process.StandardInput.Close();
            _process.WaitForExit();
            _process.Dispose();
        }
    }
}
