namespace MemProc;

/// <summary>An address where a process maps a frame.</summary>
public sealed class PfnOwner : ProcessOutput
{
    private readonly ProcMap _map;

    internal PfnOwner(ProcMap map, ulong address, ulong pfn)
    {
        _map = map;
        Address = address;
        Pfn = pfn;
    }

    internal override ProcessIdentity Process => _map.Process;

    /// <summary>The frame number.</summary>
    public ulong Pfn { get; }

    /// <summary>The address of the page.</summary>
    public ulong Address { get; }

    /// <summary>Permissions of the mapping: <c>r-xp</c>.</summary>
    public string Permissions => _map.Permissions;

    /// <summary>Path or name of the mapping.</summary>
    public string Path => _map.Path;
}
