using System.Globalization;

namespace MemProc.Bench;

/// <summary>A program from start to end: wall time and peak resident set.</summary>
/// <param name="name">What the table calls it.</param>
/// <param name="answer">
/// What its output says, for comparison with the others, if anything; null: its output goes to <c>/dev/null</c>.
/// </param>
/// <param name="command">The program and its arguments.</param>
internal sealed class ProgramCandidate(string name, Func<string, string?>? answer, params string[] command)
    : Candidate(name)
{
    /// <inheritdoc/>
    public override string? Missing => LimitPrograms.Missing;

    /// <summary>MemProc's own command line.</summary>
    /// <param name="name">What the table calls it.</param>
    /// <param name="answer">As for any program.</param>
    /// <param name="arguments">What comes after <c>memproc</c>.</param>
    public static ProgramCandidate Memproc(string name, Func<string, string?>? answer, params string[] arguments) =>
        new(name, answer, [.. MemprocProgram.Command, .. arguments]);

    /// <summary>A line of shell.</summary>
    /// <param name="name">What the table calls it.</param>
    /// <param name="answer">As for any program.</param>
    /// <param name="line">The line.</param>
    /// <param name="arguments">What it calls <c>$0</c>, <c>$1</c> and so on.</param>
    public static ProgramCandidate Line(string name, Func<string, string?>? answer, string line, params string[] arguments) =>
        new(name, answer, ["/bin/sh", "-c", line, .. arguments]);

    /// <summary>page-types, where it is.</summary>
    /// <param name="name">What the table calls it.</param>
    /// <param name="answer">As for any program.</param>
    /// <param name="arguments">What comes after <c>page-types</c>.</param>
    public static Candidate PageTypes(string name, Func<string, string?>? answer, params string[] arguments) =>
        Tools.PageTypesMissing is string reason
            ? new MissingCandidate(name, reason)
            : new ProgramCandidate(name, answer, [Tools.PageTypes!, .. arguments]);

    /// <summary>The peak resident set of the last time.</summary>
    public ulong PeakRssBytes { get; private set; }

    /// <inheritdoc/>
    public override Sample Measure()
    {
        (int exitCode, string output, string errors) = Shell.Try(
            LimitPrograms.Program("run"), [answer is null ? "drop" : "keep", .. command]);
        int end = output.TrimEnd().LastIndexOf('\n') + 1;
        if (exitCode != 0 || output[end..].TrimEnd().Split(' ') is not [string nanoseconds, string peak, "0"])
        {
            throw new BenchException($"{string.Join(' ', command)} failed: {errors}");
        }

        PeakRssBytes = ulong.Parse(peak, CultureInfo.InvariantCulture) * 1024;
        return new Sample(
            double.Parse(nanoseconds, CultureInfo.InvariantCulture), answer?.Invoke(output[..end]), PeakRssBytes);
    }
}
