namespace MemProc.PowerShell;

/// <summary>Numbers as PowerShell reads them from a command line.</summary>
internal static class Literal
{
    /// <summary>
    /// The address that a number stands for: <c>0xffffffff</c> is an Int32 of -1 and <c>0xffffffff00000000</c> an
    /// Int64 below 0. False where the value is no number.
    /// </summary>
    /// <exception cref="FormatException">The number is no whole one.</exception>
    /// <exception cref="OverflowException">The value is below 0 and not from hex.</exception>
    public static bool TryAddress(object? value, out ulong address)
    {
        ulong? number = value switch
        {
            int signed => (uint)signed,
            long signed => (ulong)signed,
            nint signed => (ulong)signed,
            nuint unsigned => unsigned,
            // A negative one of these is nothing that PowerShell makes of hex.
            ulong or uint or ushort or byte or short or sbyte => Convert.ToUInt64(value, null),
            double or float or decimal => throw new FormatException(
                $"PowerShell read the address as the number {value}. Write it with 0x, or in quotes."),
            _ => null,
        };
        address = number ?? 0;
        return number is not null;
    }
}
