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
    public static IEnumerable<SelectedProcess>? Select(MemProcCommand cmdlet, ProcessSelector[]? ids, string[]? names)
    {
        if (ids is not null && names is not null)
        {
            cmdlet.ThrowBadArgument("Name", "Specify -Id or -Name, not both.", names);
        }

        if (names is not null)
        {
            return Find(cmdlet, names, []);
        }

        return ids is null ? null
            : Array.Exists(ids, id => id.Name is not null)
            ? Find(cmdlet, ids.Select(id => id.Name).OfType<string>(), ids.Where(id => id.Name is null))
            : ids.Select(id => new SelectedProcess(id.Id!.Value, id.StartTicks));
    }

    /// <summary>Returns the ids that are known without a search by name.</summary>
    public static IEnumerable<int> Ids(ProcessSelector[]? ids) => (ids ?? []).Select(id => id.Id).OfType<int>();

    private static SortedDictionary<int, SelectedProcess>.ValueCollection Find(
        MemProcCommand cmdlet, IEnumerable<string> names, IEnumerable<ProcessSelector> ids)
    {
        List<(int Id, string Name)> all = [];
        foreach (int id in ProcessList.Ids())
        {
            if (ProcessList.Name(id) is string name)
            {
                all.Add((id, name));
            }
        }

        SortedDictionary<int, SelectedProcess> found = [];
        foreach (ProcessSelector id in ids)
        {
            found[id.Id!.Value] = new SelectedProcess(id.Id.Value, id.StartTicks);
        }

        foreach (string name in names)
        {
            bool isPattern = WildcardPattern.ContainsWildcardCharacters(name);
            Func<string, bool> matches = Wildcard.Test(name, WildcardOptions.IgnoreCase);
            bool isFound = false;
            foreach ((int id, _) in all.Where(process => matches(process.Name)))
            {
                isFound = true;
                // What is named literally is reported, whatever else matches it.
                if (!isPattern || !found.ContainsKey(id))
                {
                    found[id] = new SelectedProcess(id, IsFromPattern: isPattern);
                }
            }

            if (!isFound && !isPattern)
            {
                cmdlet.WriteError(new MemProcException(Operation.FindProcess, Errno.ESRCH,
                    $"No process has the name '{SafeText.Escape(name)}'.", name));
            }
        }

        return found.Values;
    }
}
