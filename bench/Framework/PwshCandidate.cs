namespace MemProc.Bench;

/// <summary>A line of PowerShell, in a session that is running already.</summary>
/// <param name="name">What the table calls it.</param>
/// <param name="session">The session.</param>
/// <param name="line">The line; what it emits is its answer, nothing is none.</param>
internal sealed class PwshCandidate(string name, PwshSession session, string line) : Candidate(name)
{
    /// <summary>The line in a session that is started for it.</summary>
    /// <param name="context">Ends the session.</param>
    /// <param name="name">What the table calls it.</param>
    /// <param name="line">The line.</param>
    public static Candidate InOwnSession(CaseContext context, string name, string line) =>
        new PwshCandidate(name, context.Keep(PwshSession.Start()), line);

    /// <summary>The runtime compiles anew what was called thirty times, a little later.</summary>
    public override int WarmUps => 40;

    /// <inheritdoc/>
    public override Sample Measure()
    {
        Sample sample = session.Run(line);
        return sample with { Answer = sample.Answer is { Length: > 0 } answer ? answer : null };
    }
}
