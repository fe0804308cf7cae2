using System.Diagnostics.CodeAnalysis;

namespace MemProc;

/// <summary>Numbers as text in hex.</summary>
internal static class HexText
{
    /// <summary>Returns a number in hex: <c>0x7ffd2de47000</c>.</summary>
    public static string Of(ulong number) => $"0x{number:x}";

    /// <summary>Returns a number in hex; null for null.</summary>
    [return: NotNullIfNotNull(nameof(number))]
    public static string? Of(ulong? number) => number is ulong known ? Of(known) : null;
}
