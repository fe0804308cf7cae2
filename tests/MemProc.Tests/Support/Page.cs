namespace MemProc.Tests;

/// <summary>The machine's page.</summary>
internal static class Page
{
    /// <summary>Its size in bytes.</summary>
    public static ulong Size { get; } = (ulong)Environment.SystemPageSize;
}
