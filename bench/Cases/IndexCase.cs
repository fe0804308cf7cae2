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
    public override void Prepare(Contest contest)
    {
        Tools.RequireRoot();
        if (Machine.AvailableBytes < Length + Spare)
        {
            throw new SkippedException($"it takes {HumanSize.Format(Length + Spare)} of free memory");
        }

        ResidentMemory memory = ResidentMemory.In(contest, Length);
        double bytesPerPage = 0;
        WholeProgram index = contest.Add(new WholeProgram(
            "MemProc.Core, PfnIndex, start to end",
            output =>
            {
                double[] told = [.. output.Split(' ').Select(word => double.Parse(word, CultureInfo.InvariantCulture))];
                bytesPerPage = told[1] / told[0];
                return told[0] >= memory.Pages
                    ? null
                    : throw new BenchException($"The index has {told[0]} pages of {memory.Pages} that are resident.");
            },
            DotnetHost.Path, typeof(IndexCase).Assembly.Location, IndexCommand.CommandName, $"{memory.ProcessId}"));
        Contender loop = contest.Add(
            new LimitProgram("C, pread of every word", "pagemap_pread", 1, memory.ProcessId, memory.Start, memory.End));
        contest.Compare(index, loop);
        contest.Remark("Bytes a page", () => Figures.Wanted(bytesPerPage, 24));
        contest.Remark("Peak RSS by pages", () => Figures.Digits((double)index.PeakRssBytes / memory.Pages));
    }
}
