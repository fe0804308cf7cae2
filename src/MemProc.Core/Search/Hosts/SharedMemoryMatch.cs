namespace MemProc;

/// <summary>A match in memory that several processes can share.</summary>
public sealed class SharedMemoryMatch : MemoryMatch
{
    internal SharedMemoryMatch(MemoryMatch match, ProcMap? map, MemoryMatchOwner[] owners)
        : base(match.Process, map, match.Address, match.Bytes, match.Type, match.Value) => Owners = owners;

    /// <summary>
    /// Every place where a searched process maps the pages of the match, one after the other, that of the match itself
    /// included, by process id.
    /// </summary>
    public OutputList<MemoryMatchOwner> Owners { get; }
}

/// <summary>A place where a process maps the pages of a match.</summary>
/// <param name="ProcessId">The process id.</param>
/// <param name="ProcessName">The name of the process.</param>
/// <param name="Address">The address of the match in this process.</param>
/// <param name="Permissions">Permissions of the mapping.</param>
/// <param name="Path">Path or name of the mapping.</param>
public sealed record MemoryMatchOwner(int ProcessId, string ProcessName, ulong Address, string Permissions, string Path)
{
    /// <summary><see cref="Address"/> in hex.</summary>
    public string AddressHex => HexText.Of(Address);

    /// <summary>Process and address.</summary>
    public override string ToString() => $"{ProcessId} ({SafeText.Escape(ProcessName)}) at 0x{Address:x}";
}
