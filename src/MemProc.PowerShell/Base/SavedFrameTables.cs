namespace MemProc.PowerShell;

/// <summary>Opens the frame tables of the machine, or saved copies of them.</summary>
internal static class SavedFrameTables
{
    /// <summary>Opens the tables that a cmdlet's parameters name. A fault in them ends the cmdlet.</summary>
    /// <param name="cmdlet">The cmdlet.</param>
    /// <param name="fields">The attributes that will be read.</param>
    /// <param name="filter">The frames that are selected.</param>
    /// <param name="flags">The value of -KpageFlagsPath; null: the machine's tables.</param>
    /// <param name="counts">The value of -KpageCountPath.</param>
    /// <param name="cgroups">The value of -KpageCgroupPath.</param>
    public static FrameTables Open(
        MemProcCommand cmdlet, FrameAttributes fields, FrameFilter filter, string? flags, string? counts, string? cgroups)
    {
        if (flags is null)
        {
            return cmdlet.ThrowOnError(() => new FrameTables(fields | filter.RequiredFields));
        }

        if (filter.CgroupInode is not null && cgroups is null)
        {
            cmdlet.ThrowBadArgument("Cgroup", "-Cgroup with -KpageFlagsPath requires -KpageCgroupPath, the saved copy of "
                + "/proc/kpagecgroup.", null);
        }

        return cmdlet.ThrowOnError(() => new FrameTables(
            new FrameTableCopies(Resolve(flags)!, Resolve(counts), Resolve(cgroups))));

        string? Resolve(string? path) =>
            path is null ? null : cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath(path);
    }
}
