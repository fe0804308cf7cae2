using System.Management.Automation;
using System.Numerics;

namespace MemProc.PowerShell;

/// <summary>Converts numbers that PowerShell has read from a command line.</summary>
internal static class Literal
{
    /// <summary>
    /// Converts a number to the address that it stands for: <c>0xffffffff</c> arrives as the Int32 -1, and
    /// <c>0xffffffff00000000</c> as a negative Int64. False where the value is not a number.
    /// </summary>
    /// <exception cref="FormatException">The number is not an integer.</exception>
    /// <exception cref="OverflowException">The value is negative and not from a hex literal.</exception>
    public static bool TryAddress(object? value, out ulong address)
    {
        ulong? number = value switch
        {
            int signed => (uint)signed,
            long signed => (ulong)signed,
            nint signed => (ulong)signed,
            nuint unsigned => unsigned,
            BigInteger big => big >= 0 && big <= ulong.MaxValue
                ? (ulong)big
                : throw new OverflowException("An address is a number from 0 to 0xffffffffffffffff: at most 64 bits."),
            // PowerShell makes none of these from a hex literal, so that a negative one is an error.
            ulong or uint or ushort or byte or short or sbyte => Convert.ToUInt64(value, null),
            double or float or decimal => throw new FormatException(
                $"PowerShell has read the address as the number {value}. Write it with 0x, or in quotes."),
            _ => null,
        };
        address = number ?? 0;
        return number is not null;
    }

    /// <summary>Converts a number that is not negative and has no fraction.</summary>
    /// <exception cref="PSInvalidCastException">The value is not such a number.</exception>
    /// <exception cref="OverflowException">The number is negative, or has more than 64 bits.</exception>
    public static ulong Whole(object? value, string what)
    {
        return value switch
        {
            ulong or uint or ushort or byte or long or int or short or sbyte => Convert.ToUInt64(value, null),
            nint signed => checked((ulong)signed),
            nuint unsigned => unsigned,
            BigInteger big => (ulong)big,
            // PowerShell reads 1e3 and long digits as such numbers.
            double or float or decimal when IsWhole(Convert.ToDouble(value, null)) => Convert.ToUInt64(value, null),
            // For an object of the pipeline, PowerShell then tries its properties.
            _ => throw new PSInvalidCastException($"{what} is a whole number, not {Describe(value)}."),
        };

        static bool IsWhole(double number) => double.IsFinite(number) && number == Math.Floor(number);
    }

    private static string Describe(object? value) => value switch
    {
        null => "null",
        double or float or decimal => $"{value}",
        _ => value.GetType().Name,
    };
}
