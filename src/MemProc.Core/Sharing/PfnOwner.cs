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

    /// <summary><see cref="Pfn"/> in hex.</summary>
    public string PfnHex => HexText.Of(Pfn);

    /// <summary>The address of the page.</summary>
    public ulong Address { get; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string AddressHex => HexText.Of(Address);

    /// <summary>Permissions of the mapping: <c>r-xp</c>.</summary>
    public string Permissions => _map.Permissions;

    /// <summary>Path or name of the mapping.</summary>
    public string Path => _map.Path;

    /// <summary>Returns frame, process and address.</summary>
    public override string ToString() => $"0x{Pfn:x} {Process} 0x{Address:x} {_map.Label}";
}
