using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Creates what arguments of a search stand for. A fault in them ends the cmdlet.</summary>
internal static class Conditions
{
    /// <summary>Creates the condition that one of the parameters makes; null where none is given.</summary>
    public static ValueCondition? From(
        MemProcCommand cmdlet, MemoryValueType type, object? value, double tolerance, object? greaterThan, object? lessThan,
        object[]? between)
    {
        (string parameter, object? given) = value is not null ? ("Value", value)
            : greaterThan is not null ? ("GreaterThan", greaterThan)
            : lessThan is not null ? ("LessThan", lessThan)
            : ("Between", (object?)between);
        return given is null ? null : Try(cmdlet, parameter, given, () => parameter switch
        {
            "Value" => ValueCondition.EqualTo(type, Items.Unwrap(given), tolerance),
            "GreaterThan" => ValueCondition.GreaterThan(type, Items.Unwrap(given)),
            "LessThan" => ValueCondition.LessThan(type, Items.Unwrap(given)),
            _ => ValueCondition.Between(type, Items.Unwrap(between![0]), Items.Unwrap(between[1])),
        });
    }

    /// <summary>Creates something from an argument.</summary>
    public static T Try<T>(MemProcCommand cmdlet, string parameter, object? given, Func<T> make)
    {
        try
        {
            return make();
        }
        catch (Exception error) when (error is ArgumentException or FormatException or OverflowException
            or InvalidCastException)
        {
            cmdlet.ThrowBadArgument(parameter, error.Message + Items.OverflowHint(error), given);
            throw;
        }
    }
}
