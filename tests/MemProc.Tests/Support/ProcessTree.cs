using System.Globalization;

namespace MemProc.Tests;

/// <summary>Finds a process that a prefix command has put into a pid namespace of its own.</summary>
internal static class ProcessTree
{
    /// <summary>
    /// The process that calls itself <paramref name="innerId"/>, where <paramref name="startedId"/> was started:
    /// that one, or one that it started in its turn.
    /// </summary>
    /// <returns>Its number as this process sees it; null where there is no such process.</returns>
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
