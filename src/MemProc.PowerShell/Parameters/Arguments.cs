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
    public static ulong? Cgroup(Cmdlet cmdlet, string? pathOrInode)
    {
        try
        {
            return pathOrInode is null ? null : CgroupTree.Load().InodeOf(pathOrInode);
        }
        catch (MemProcException error)
        {
            cmdlet.ThrowTerminatingError(Failure.Record(error));
            throw;
        }
    }

    /// <summary>The frame tables, which are for root.</summary>
    public static FrameTables Frames(Cmdlet cmdlet, FrameFields fields)
    {
        try
        {
            return new FrameTables(fields);
        }
        catch (MemProcException error)
        {
            cmdlet.ThrowTerminatingError(Failure.Record(error));
            throw;
        }
    }
}
