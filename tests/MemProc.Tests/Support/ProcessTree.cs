using System.Globalization;

namespace MemProc.Tests;

/// <summary>Finds a process that a prefix command has started in a new pid namespace.</summary>
internal static class ProcessTree
{
    /// <summary>
    /// Returns the process whose id in its own namespace is <paramref name="innerId"/>: <paramref name="startedId"/>
    /// or one of its descendants.
    /// </summary>
    /// <returns>Its id in the namespace of this process; null if there is no such process.</returns>
    public static int? Find(int startedId, int innerId)
    {
        if (InnerId(startedId) == innerId)
        {
            return startedId;
        }

        foreach (string child in File.ReadAllText($"/proc/{startedId}/task/{startedId}/children").Split(
            ' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (Find(int.Parse(child, CultureInfo.InvariantCulture), innerId) is int found)
            {
                return found;
            }
        }

        return null;
    }

    private static int InnerId(int processId)
    {
        string line = File.ReadLines($"/proc/{processId}/status")
            .First(line => line.StartsWith("NSpid:", StringComparison.Ordinal));
        return int.Parse(line.Split('\t')[^1], CultureInfo.InvariantCulture);
    }
}
