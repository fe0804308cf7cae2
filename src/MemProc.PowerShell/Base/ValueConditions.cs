namespace MemProc.PowerShell;

/// <summary>Creates what arguments of a search stand for. A fault in them ends the cmdlet.</summary>
internal static class ValueConditions
{
    /// <summary>
    /// Creates the condition that one of the parameters makes; null where none is given. In a process, pointers have its
    /// size.
    /// </summary>
    public static ValueCondition? From(
        MemProcCommand cmdlet, MemoryValueType type, object? value, double tolerance, object? greaterThan, object? lessThan,
        object[]? between, MemoryTarget? process = null)
    {
        ValueComparison? comparison = Create(cmdlet, "Tolerance", tolerance, () => ValueComparison.From(
            InputValues.Unwrap(value), tolerance, InputValues.Unwrap(greaterThan), InputValues.Unwrap(lessThan), between?.Select(InputValues.Unwrap).ToArray()!));
        if (comparison is null)
        {
            return null;
        }

        (string parameter, object? input) = comparison.Operator switch
        {
            ValueOperator.GreaterThan => ("GreaterThan", greaterThan),
            ValueOperator.LessThan => ("LessThan", lessThan),
            ValueOperator.Between => ("Between", between),
            _ => ("Value", value),
        };
        return Create(cmdlet, parameter, input,
            () => process is null ? comparison.For(type) : comparison.For(type, process));
    }

    /// <summary>Creates something from an argument.</summary>
    public static T Create<T>(MemProcCommand cmdlet, string parameter, object? input, Func<T> create)
    {
        try
        {
            return create();
        }
        catch (Exception error) when (error is ArgumentException or FormatException or OverflowException
            or InvalidCastException)
        {
            cmdlet.ThrowBadArgument(parameter, error.Message + InputValues.OverflowHint(error), input);
            throw;
        }
    }
}
