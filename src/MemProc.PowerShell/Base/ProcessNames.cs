using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Selects processes by id or name.</summary>
internal static class ProcessNames
{
    /// <summary>
    /// Returns the processes that -Id or -Name select; null where neither is given. A name without wildcards that matches
    /// no process is an error.
    /// </summary>
    public static IEnumerable<int>? Select(MemProcCommand cmdlet, int[]? ids, string[]? names)
    {
        if (ids is not null && names is not null)
        {
            cmdlet.ThrowBadArgument("Name", "Specify -Id or -Name, not both.", names);
        }

        return names is null ? ids : Find(cmdlet, names);
    }

    private static SortedSet<int> Find(MemProcCommand cmdlet, string[] names)
    {
        List<(int Id, string Name)> all = [];
        foreach (int id in ProcessList.Ids())
        {
            if (ProcessList.Name(id) is string name)
            {
                all.Add((id, name));
            }
        }

        SortedSet<int> found = [];
        foreach (string name in names)
        {
            Func<string, bool> matches = Wildcard.Test(name, WildcardOptions.IgnoreCase);
            int before = found.Count;
            found.UnionWith(all.Where(process => matches(process.Name)).Select(process => process.Id));
            if (found.Count == before && !WildcardPattern.ContainsWildcardCharacters(name))
            {
                cmdlet.WriteError(new MemProcException(Operation.FindProcess, Errno.ESRCH,
                    $"No process has the name '{SafeText.Escape(name)}'.", name));
            }
        }

        return found;
    }
}
