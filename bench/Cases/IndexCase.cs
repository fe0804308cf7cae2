using System.Globalization;

namespace MemProc.Bench;

/// <summary>The index of resident memory by frame: bytes a page, and what building it takes.</summary>
internal sealed class IndexCase : Case
{
    /// <summary>What must be free besides: for the index while it is built, and for others on the machine.</summary>
    private const ulong Spare = 3UL << 30;

    /// <inheritdoc/>
    public override string Name => "index";

    /// <inheritdoc/>
    public override string Title => $"index of {Tools.ResidentGiB} GiB resident by frame";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        Tools.RequireRoot();
        ulong length = (ulong)Tools.ResidentGiB << 30;
        if (Machine.AvailableBytes < length + Spare)
        {
            throw new SkippedException($"it takes {HumanSize.Format(length + Spare)} of free memory; --resident sets the size");
        }

        ResidentMemory memory = ResidentMemory.In(context, length);
        double bytesPerPage = 0;
        double peakPerPage = 0;
        Candidate core = context.Add(new InProcessCandidate("MemProc.Core, PfnIndex", 1, () =>
        {
            PfnIndex index = PfnIndex.Build([memory.ProcessId], _ => { }, error => throw error);
            return index.PageCount >= (long)memory.Pages ? $"{memory.Pages}" : throw TooFew(index.PageCount, memory);
        }));
        ProgramCandidate index = context.Add(new ProgramCandidate(
            "MemProc.Core, PfnIndex, start to end",
            output =>
            {
                double[] result = [.. output.Split(' ').Select(word => double.Parse(word, CultureInfo.InvariantCulture))];
                bytesPerPage = result[1] / result[0];
                peakPerPage = result[2] / result[0];
                return result[0] >= memory.Pages ? null : throw TooFew(result[0], memory);
            },
            DotnetHost.Path, typeof(IndexCase).Assembly.Location, IndexCommand.CommandName, $"{memory.ProcessId}"));
        Candidate loop = context.Add(
            new LimitCandidate("C, pread of every word", "pagemap_pread", 1, memory.ProcessId, memory.Start, memory.End));
        context.Compare(core, loop, maxRatio: 3);
        context.Compare(index, loop);
        context.Remark("Bytes a page", () => ReportFormat.WithGoal(bytesPerPage, 12));
        context.Remark("Peak RSS by pages, above that before", () => ReportFormat.WithGoal(peakPerPage, 24));
    }

    private static BenchException TooFew(double pages, ResidentMemory memory) =>
        new($"The index has {pages} pages of {memory.Pages} that are resident.");
}
