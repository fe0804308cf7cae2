namespace MemProc.Tests;

/// <summary>The page of this machine.</summary>
internal static class Page
{
    /// <summary>Its size in bytes.</summary>
    public static ulong Size { get; } = (ulong)Environment.SystemPageSize;
}
