using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Arguments that several cmdlets understand alike; what is wrong with them ends the cmdlet.</summary>
internal static class Arguments
{
    /// <summary>The filter by page flags; null where none was asked for.</summary>
    public static FlagFilter? Flags(Cmdlet cmdlet, string[]? all, string[]? any, string[]? none, string[]? exact)
    {
        try
        {
            return FlagFilter.Create(all, any, none, exact);
        }
        catch (ArgumentException error)
        {
            cmdlet.ThrowTerminatingError(Failure.BadArgument("Flag", error.Message, null));
            throw;
        }
    }

    /// <summary>The inode of a cgroup; null where none was asked for.</summary>
    public static ulong? Cgroup(MemProcCommand cmdlet, string? pathOrInode) =>
        pathOrInode is null ? null : cmdlet.Require(() => CgroupTree.Load().InodeOf(pathOrInode));

    /// <summary>The filter by path, permissions and kind of mappings.</summary>
    public static MapFilter Maps(Cmdlet cmdlet, string[]? path, string[]? permission, ProcMapKind[]? kind)
    {
        try
        {
            return new MapFilter
            {
                Path = path is null ? null : PathPattern.Any(path),
                Permissions = permission ?? [],
                Kinds = kind ?? [],
            };
        }
        catch (ArgumentException error)
        {
            cmdlet.ThrowTerminatingError(Failure.BadArgument("Permission", error.Message, permission));
            throw;
        }
    }
}
