using System.Globalization;

namespace MemProc.Bench;

/// <summary>
/// One of our C programs that repeats the work and reports the time of one repetition, so that its start is
/// left out.
/// </summary>
/// <param name="name">What the table calls it.</param>
/// <param name="source">The name of its source, without <c>.c</c>.</param>
/// <param name="repeats">How many times the work is done by the clock.</param>
/// <param name="arguments">Further arguments of the program.</param>
internal sealed class LimitCandidate(string name, string source, int repeats, params object[] arguments) : Candidate(name)
{
    /// <inheritdoc/>
    public override string? Missing => LimitPrograms.Missing;

    /// <inheritdoc/>
    public override Sample Measure()
    {
        (int exitCode, string output, string errors) = Shell.Try(
            LimitPrograms.Program(source), [$"{repeats}", .. arguments.Select(argument => $"{argument}")]);
        return exitCode == 0 && output.TrimEnd().Split(' ') is [string nanoseconds, string answer]
            ? new Sample(double.Parse(nanoseconds, CultureInfo.InvariantCulture), answer)
            : throw new BenchException($"{source} ended with {exitCode}: {errors}");
    }
}
