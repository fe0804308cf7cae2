using System.Diagnostics;

namespace MemProc.Bench;

/// <summary>Runs cases: everyone warms up, then all take turns, and all must find out the same.</summary>
/// <param name="rounds">How many times each is measured.</param>
internal sealed class CaseRunner(int rounds)
{
    /// <summary>Warming up lasts so long at least, and once: the runtime compiles what is used a lot anew.</summary>
    private static readonly TimeSpan MinWarmUp = TimeSpan.FromSeconds(1);

    /// <summary>Nobody is waited for longer than this.</summary>
    private static readonly TimeSpan MaxWarmUp = TimeSpan.FromSeconds(5);

    /// <summary>Runs a case here and now.</summary>
    public CaseResult Run(Case bench)
    {
        try
        {
            using CaseContext context = new();
            bench.Prepare(context);
            Candidate[] present = [.. context.Candidates.Where(candidate => candidate.Missing is null)];
            Dictionary<Candidate, List<Sample>> samples = present.ToDictionary(
                candidate => candidate, _ => new List<Sample>());
            Array.ForEach(present, candidate => WarmUp(context, candidate));
            for (int round = 0; round < rounds; round++)
            {
                Array.ForEach(present, candidate => samples[candidate].Add(MeasureTurn(context, candidate)));
            }

            CheckAnswersAgree(samples);
            return new CaseResult(
                bench.Name, bench.Title,
                [.. context.Candidates.Select(candidate => Result(candidate, samples.GetValueOrDefault(candidate)))],
                [.. context.Comparisons
                    .Where(pair => samples.ContainsKey(pair.Ours) && samples.ContainsKey(pair.Theirs))
                    .Select(pair => Compare(pair.Ours.Name, samples[pair.Ours], pair.Theirs.Name, samples[pair.Theirs], pair.MaxRatio))],
                [.. context.Remarks.Select(remark => $"{remark.What}: {remark.Value()}")]);
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

    private static ComparisonResult Compare(
        string ours, List<Sample> ourTurns, string theirs, List<Sample> theirTurns, double? maxRatio)
    {
        // Turn by turn: a machine that is slower for some turns is slower for both.
        double[] ratios = [.. ourTurns.Zip(theirTurns, (our, their) => our.Nanoseconds / their.Nanoseconds)];
        return new ComparisonResult(ours, theirs, Distribution.Of(ratios).Median, maxRatio, Spread.Of(ratios));
    }

    private static Sample MeasureTurn(CaseContext context, Candidate candidate)
    {
        context.BeforeMeasurement();
        return candidate.Measure();
    }

    private static void WarmUp(CaseContext context, Candidate candidate)
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan elapsed;
        int done = 0;
        do
        {
            MeasureTurn(context, candidate);
            done++;
            elapsed = Stopwatch.GetElapsedTime(start);
        }
        while (elapsed < MinWarmUp || (done < candidate.WarmUps && elapsed < MaxWarmUp));
    }

    private static void CheckAnswersAgree(Dictionary<Candidate, List<Sample>> samples)
    {
        var answers = samples.SelectMany(pair => pair.Value.Select(sample => (pair.Key.Name, sample.Answer)))
            .Where(answers => answers.Answer is not null).Distinct().ToArray();
        if (answers.DistinctBy(answers => answers.Answer).Count() > 1)
        {
            throw new BenchException("The contenders produced different results, so they did different work: "
                + string.Join("; ", answers.Select(answers => $"{answers.Name}: {answers.Answer}")));
        }
    }

    private static CandidateResult Result(Candidate candidate, List<Sample>? samples)
    {
        if (samples is null)
        {
            return new CandidateResult(candidate.Name, null, null, candidate.Missing);
        }

        double[] peaks = [.. samples.Where(sample => sample.PeakRssBytes is not null)
            .Select(sample => (double)sample.PeakRssBytes!.Value)];
        ulong? peak = peaks.Length == 0 ? null : (ulong)Distribution.Of(peaks).Median;
        return new CandidateResult(candidate.Name, Times(samples), peak, null);
    }

    private static Distribution Times(List<Sample> samples) => Distribution.Of(samples.Select(sample => sample.Nanoseconds));
}
