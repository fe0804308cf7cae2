namespace MemProc.Bench;

/// <summary>Something that does the work of a case and is measured.</summary>
/// <param name="name">What the table calls it.</param>
internal abstract class Candidate(string name)
{
    /// <summary>What the table calls it.</summary>
    public string Name { get; } = name;

    /// <summary>Why it cannot take part on this machine; null where it can.</summary>
    public virtual string? Missing => null;

    /// <summary>How many times it has to be done, if that takes no longer than some seconds, before it counts.</summary>
    public virtual int WarmUps => 1;

    /// <summary>Does the work and measures it.</summary>
    /// <exception cref="BenchException">The work failed.</exception>
    public abstract Sample Measure();
}
