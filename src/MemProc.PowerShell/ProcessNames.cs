using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Processes by name.</summary>
internal static class ProcessNames
{
    /// <summary>
    /// The ids of the processes with a name that fits; a name without wildcards that fits none is an error.
    /// </summary>
    public static IEnumerable<int> Resolve(Cmdlet cmdlet, string[] names)
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
            Func<string, bool> fits = Wildcard.Test(name, WildcardOptions.IgnoreCase);
            int before = found.Count;
            found.UnionWith(all.Where(process => fits(process.Name)).Select(process => process.Id));
            if (found.Count == before && !WildcardPattern.ContainsWildcardCharacters(name))
            {
                cmdlet.WriteError(Failure.Record(new MemProcException(Operation.FindProcess, Errno.ESRCH,
                    $"No process has the name '{SafeText.Escape(name)}'.", name)));
            }
        }

        return found;
    }
}
