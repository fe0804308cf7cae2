using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Conditions for numbers, as several cmdlets take them; what is wrong with them ends the cmdlet.</summary>
internal static class Conditions
{
    /// <summary>The condition that one of the parameters stands for; null where none was given.</summary>
    public static ValueCondition? From(
        Cmdlet cmdlet, MemoryValueType type, object? value, double tolerance, object? greaterThan, object? lessThan,
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

    /// <summary>Makes something of an argument; a fault in it ends the cmdlet.</summary>
    public static T Try<T>(Cmdlet cmdlet, string parameter, object? given, Func<T> make)
    {
        try
        {
            return make();
        }
        catch (Exception error) when (error is ArgumentException or FormatException or OverflowException
            or InvalidCastException)
        {
            cmdlet.ThrowTerminatingError(
                Failure.BadArgument(parameter, error.Message + TypedValues.Hint(error), given));
            throw;
        }
    }
}
