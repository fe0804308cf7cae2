namespace MemProc.Bench;

/// <summary>One question of the bench: some work, done by MemProc and by others.</summary>
internal abstract class Case
{
    /// <summary>What the command line calls it.</summary>
    public abstract string Name { get; }

    /// <summary>What the work is.</summary>
    public abstract string Title { get; }

    /// <summary>
    /// It looks at all processes: it is run as root in a pid namespace of its own, where it finds none but those that
    /// it started.
    /// </summary>
    public virtual bool ScansAllProcesses => false;

    /// <summary>Starts what the work is done on, and says who does it.</summary>
    /// <param name="context">Takes all of it; it ends what was started, also where this fails half-way.</param>
    /// <exception cref="SkippedException">This machine lacks something.</exception>
    public abstract void Prepare(CaseContext context);
}
