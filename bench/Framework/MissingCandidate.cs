namespace MemProc.Bench;

/// <summary>A contender that is not on this machine.</summary>
/// <param name="name">What the table calls it.</param>
/// <param name="reason">Why it is not there, and what would help.</param>
internal sealed class MissingCandidate(string name, string reason) : Candidate(name)
{
    /// <inheritdoc/>
    public override string? Missing => reason;

    /// <inheritdoc/>
    public override Sample Measure() => throw new InvalidOperationException(reason);
}
