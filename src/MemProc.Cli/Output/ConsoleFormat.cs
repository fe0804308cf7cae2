namespace MemProc.Cli;

/// <summary>Formats values for tables.</summary>
internal static class ConsoleFormat
{
    /// <summary>
    /// Formats a number in hex. It has a <c>0x</c>, so that one without letters is not taken for a decimal number where it
    /// is pasted.
    /// </summary>
    public static string Hex(ulong value) => $"0x{value:x}";

    /// <summary>Formats a physical address: <c>hidden</c> where the kernel hides it.</summary>
    public static string HexOrHidden(ulong? value) => value is ulong known ? Hex(known) : "hidden";

    /// <summary>Formats a size: a dash where it is unknown.</summary>
    public static string Size(ulong? bytes) => bytes is ulong known ? HumanSize.Format(known) : "-";

    /// <summary>Formats the path or name of a mapping.</summary>
    public static string Path(ProcMap map) => SafeText.Escape(map.IsDeleted ? $"{map.Path} (deleted)" : map.Path);
}
