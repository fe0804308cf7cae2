namespace MemProc.Cli;

/// <summary>Core's values as a table shows them.</summary>
internal static class Show
{
    /// <summary>
    /// A number in hex, with its <c>0x</c>: without it, one that has no letter would be read as decimal where it
    /// is pasted.
    /// </summary>
    public static string Hex(ulong value) => $"0x{value:x}";

    /// <summary>A physical address; a word for one that the kernel hid.</summary>
    public static string HexOrHidden(ulong? value) => value is ulong known ? Hex(known) : "hidden";

    /// <summary>Bytes for people; a dash where the kernel did not say.</summary>
    public static string Size(ulong? bytes) => bytes is ulong known ? HumanSize.Format(known) : "-";

    /// <summary>A mapping's path or name.</summary>
    public static string Path(ProcMap map) => SafeText.Escape(map.IsDeleted ? $"{map.Path} (deleted)" : map.Path);
}
