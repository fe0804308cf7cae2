using System.Diagnostics;

namespace MemProc.Bench;

/// <summary>Runs cases: everyone warms up, then all take turns, and all must find out the same.</summary>
/// <param name="rounds">How many times each is measured.</param>
internal sealed class Referee(int rounds)
{
    /// <summary>Warming up lasts so long at least, and once: the runtime compiles what is used a lot anew.</summary>
    private static readonly TimeSpan ShortestWarmUp = TimeSpan.FromSeconds(1);

    /// <summary>Nobody is waited for longer than this.</summary>
    private static readonly TimeSpan LongestWarmUp = TimeSpan.FromSeconds(5);

    /// <summary>Runs a case here and now.</summary>
    public CaseResult Run(Case bench)
    {
        try
        {
            using Contest contest = new();
            bench.Prepare(contest);
            Contender[] present = [.. contest.Contenders.Where(contender => contender.Missing is null)];
            Dictionary<Contender, List<Sample>> samples = present.ToDictionary(
                contender => contender, _ => new List<Sample>());
            Array.ForEach(present, contender => Warm(contest, contender));
            for (int round = 0; round < rounds; round++)
            {
                Array.ForEach(present, contender => samples[contender].Add(Turn(contest, contender)));
            }

            Agree(samples);
            return new CaseResult(
                bench.Name, bench.Title,
                [.. contest.Contenders.Select(contender => Result(contender, samples.GetValueOrDefault(contender)))],
                [.. contest.Comparisons
                    .Where(pair => samples.ContainsKey(pair.Ours) && samples.ContainsKey(pair.Theirs))
                    .Select(pair => new ComparisonResult(pair.Ours.Name, pair.Theirs.Name,
                        Times(samples[pair.Ours]).Median / Times(samples[pair.Theirs]).Median, pair.AtMost))],
                [.. contest.Remarks.Select(remark => $"{remark.What}: {remark.Value()}")]);
        }
        catch (SkippedException reason)
        {
            return CaseResult.Without(bench, skipped: reason.Message);
        }
        catch (Exception error) when (error is BenchException or MemProcException or TargetException
            or InvalidOperationException or IOException)
        {
            return CaseResult.Without(bench, failed: error.Message);
        }
    }

    private static Sample Turn(Contest contest, Contender contender)
    {
        contest.BeforeTurn();
        return contender.Measure();
    }

    private static void Warm(Contest contest, Contender contender)
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan elapsed;
        int done = 0;
        do
        {
            Turn(contest, contender);
            done++;
            elapsed = Stopwatch.GetElapsedTime(start);
        }
        while (elapsed < ShortestWarmUp || (done < contender.WarmUps && elapsed < LongestWarmUp));
    }

    private static void Agree(Dictionary<Contender, List<Sample>> samples)
    {
        var answers = samples.SelectMany(pair => pair.Value.Select(sample => (pair.Key.Name, sample.Answer)))
            .Where(told => told.Answer is not null).Distinct().ToArray();
        if (answers.DistinctBy(told => told.Answer).Count() > 1)
        {
            throw new BenchException("The contenders produced different results, so they did different work: "
                + string.Join("; ", answers.Select(told => $"{told.Name}: {told.Answer}")));
        }
    }

    private static ContenderResult Result(Contender contender, List<Sample>? samples)
    {
        if (samples is null)
        {
            return new ContenderResult(contender.Name, null, null, contender.Missing);
        }

        double[] peaks = [.. samples.Where(sample => sample.PeakRssBytes is not null)
            .Select(sample => (double)sample.PeakRssBytes!.Value)];
        ulong? peak = peaks.Length == 0 ? null : (ulong)Spread.Of(peaks).Median;
        return new ContenderResult(contender.Name, Times(samples), peak, null);
    }

    private static Spread Times(List<Sample> samples) => Spread.Of(samples.Select(sample => sample.Nanoseconds));
}
