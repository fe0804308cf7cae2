namespace MemProc;

/// <summary>The machine's page size: 4, 16 or 64 KiB.</summary>
public static class MachinePage
{
    /// <summary>Bytes of a page.</summary>
    public static ulong SizeBytes { get; } = (ulong)Environment.SystemPageSize;

    /// <summary>Returns the address of the page that contains an address.</summary>
    public static ulong Floor(ulong address) => address & ~(SizeBytes - 1);

    /// <summary>Returns the first page address at or above an address.</summary>
    public static ulong Ceiling(ulong address) => Floor(address + (SizeBytes - 1));
}
