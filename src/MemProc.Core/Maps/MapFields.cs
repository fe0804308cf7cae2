using MemProc.Interop;

namespace MemProc;

/// <summary>The numbers of a mapping, wherever they come from: a line of maps or PROCMAP_QUERY.</summary>
internal readonly record struct MapFields(
    ulong Start,
    ulong End,
    VmaPermissions Permissions,
    ulong Offset,
    uint DeviceMajor,
    uint DeviceMinor,
    ulong Inode)
{
    public static MapFields From(in MapsLine line) => new(
        line.Start, line.End, line.Permissions, line.Offset, line.DeviceMajor, line.DeviceMinor, line.Inode);

    public static MapFields From(in ProcMapQueryArgument answer) => new(
        answer.VmaStart, answer.VmaEnd, (VmaPermissions)answer.VmaFlags & (VmaPermissions)0xf, answer.VmaOffset,
        answer.DeviceMajor, answer.DeviceMinor, answer.Inode);
}
