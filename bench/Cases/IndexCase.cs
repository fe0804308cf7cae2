using System.Globalization;

namespace MemProc.Bench;

/// <summary>The index of resident memory by frame: bytes a page, and what building it takes.</summary>
internal sealed class IndexCase : Case
{
    private const ulong Length = 10UL << 30;

    /// <summary>What must be free besides: for the index while it is built, and for others on the machine.</summary>
    private const ulong Spare = 3UL << 30;

    /// <inheritdoc/>
    public override string Name => "index";

    /// <inheritdoc/>
    public override string Title => "index of 10 GiB resident by frame";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        Tools.RequireRoot();
        if (Machine.AvailableBytes < Length + Spare)
        {
            throw new SkippedException($"it takes {HumanSize.Format(Length + Spare)} of free memory");
        }

        ResidentMemory memory = ResidentMemory.In(context, Length);
        double bytesPerPage = 0;
        ProgramCandidate index = context.Add(new ProgramCandidate(
            "MemProc.Core, PfnIndex, start to end",
            output =>
            {
                double[] result = [.. output.Split(' ').Select(word => double.Parse(word, CultureInfo.InvariantCulture))];
                bytesPerPage = result[1] / result[0];
                return result[0] >= memory.Pages
                    ? null
                    : throw new BenchException($"The index has {result[0]} pages of {memory.Pages} that are resident.");
            },
            DotnetHost.Path, typeof(IndexCase).Assembly.Location, IndexCommand.CommandName, $"{memory.ProcessId}"));
        Candidate loop = context.Add(
            new LimitCandidate("C, pread of every word", "pagemap_pread", 1, memory.ProcessId, memory.Start, memory.End));
        context.Compare(index, loop);
        context.Remark("Bytes a page", () => ReportFormat.WithGoal(bytesPerPage, 24));
        context.Remark("Peak RSS by pages", () => ReportFormat.Digits((double)index.PeakRssBytes / memory.Pages));
    }
}
