namespace MemProc.PowerShell;

/// <summary>Numbers that are written side by side.</summary>
internal static class TypedValues
{
    /// <summary>Their bytes.</summary>
    /// <exception cref="FormatException">One is no number.</exception>
    /// <exception cref="OverflowException">One does not fit the type.</exception>
    public static byte[] Encode(object[] values, MemoryValueType type) => [.. values.SelectMany(value =>
        MemoryValue.Encode(Items.Unwrap(value), type))];

    /// <summary>What may have gone wrong where a number does not fit; nothing for other errors.</summary>
    public static string Hint(Exception error) => error is OverflowException
        ? " A 0x literal with its highest bit set arrives as a negative number: put it in quotes."
        : string.Empty;
}
