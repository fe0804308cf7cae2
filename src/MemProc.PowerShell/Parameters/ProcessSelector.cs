using System.Globalization;

namespace MemProc.PowerShell;

/// <summary>A process as -Id names it: an id, an object that is about a process, or a name.</summary>
public sealed class ProcessSelector
{
    internal ProcessSelector(int id, ulong? startTicks = null)
    {
        Id = id;
        StartTicks = startTicks;
    }

    internal ProcessSelector(string name) => Name = name;

    /// <summary>The process id; null where a name is given.</summary>
    public int? Id { get; }

    /// <summary>The start time that an object of this module carries; null: any.</summary>
    public ulong? StartTicks { get; }

    /// <summary>The name, which can have wildcards; null where an id is given.</summary>
    public string? Name { get; }

    /// <summary>The id or the name.</summary>
    public override string ToString() => Name ?? Id!.Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A process that -Id or -Name selects.</summary>
/// <param name="Id">The process id.</param>
/// <param name="StartTicks">The start time that the process must have; null: any.</param>
/// <param name="IsFromPattern">
/// Wildcards have found it: kernel threads and processes that exit meanwhile are left out.
/// </param>
internal readonly record struct SelectedProcess(int Id, ulong? StartTicks = null, bool IsFromPattern = false);
