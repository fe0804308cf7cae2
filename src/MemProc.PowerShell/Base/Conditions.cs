namespace MemProc.PowerShell;

/// <summary>Creates what arguments of a search stand for. A fault in them ends the cmdlet.</summary>
internal static class Conditions
{
    /// <summary>Creates the condition that one of the parameters makes; null where none is given.</summary>
    public static ValueCondition? From(
        MemProcCommand cmdlet, MemoryValueType type, object? value, double tolerance, object? greaterThan, object? lessThan,
        object[]? between)
    {
        ValueComparison? comparison = Try(cmdlet, "Tolerance", tolerance, () => ValueComparison.From(
            Items.Unwrap(value), tolerance, Items.Unwrap(greaterThan), Items.Unwrap(lessThan), between?.Select(Items.Unwrap).ToArray()!));
        if (comparison is null)
        {
            return null;
        }

        (string parameter, object? given) = comparison.Operator switch
        {
            ValueOperator.GreaterThan => ("GreaterThan", greaterThan),
            ValueOperator.LessThan => ("LessThan", lessThan),
            ValueOperator.Between => ("Between", between),
            _ => ("Value", value),
        };
        return Try(cmdlet, parameter, given, () => comparison.For(type));
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
