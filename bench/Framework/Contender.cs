namespace MemProc.Bench;

/// <summary>Something that does the work of a case and is measured.</summary>
/// <param name="name">What the table calls it.</param>
internal abstract class Contender(string name)
{
    /// <summary>What the table calls it.</summary>
    public string Name { get; } = name;

    /// <summary>Why it cannot take part on this machine; null where it can.</summary>
    public virtual string? Missing => null;

    /// <summary>Does the work and measures it.</summary>
    /// <exception cref="BenchException">The work failed.</exception>
    public abstract Sample Measure();
}
