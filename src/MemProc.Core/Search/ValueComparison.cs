using MemProc.Interop;

namespace MemProc;

/// <summary>How numbers are compared with an operand.</summary>
public enum ValueOperator
{
    /// <summary>Equal to a value, or within a tolerance of it.</summary>
    EqualTo,
    /// <summary>Greater than a limit.</summary>
    GreaterThan,
    /// <summary>Less than a limit.</summary>
    LessThan,
    /// <summary>Between two limits, both included.</summary>
    Between,
}

/// <summary>
/// A comparison as a user writes it: an operator and its operands, not yet for a type. It becomes a condition once the
/// type of the numbers is known.
/// </summary>
public sealed class ValueComparison
{
    private readonly object[] _operands;
    private readonly double _tolerance;

    private ValueComparison(ValueOperator op, object[] operands, double tolerance = 0) =>
        (Operator, _operands, _tolerance) = (op, operands, tolerance);

    /// <summary>The operator.</summary>
    public ValueOperator Operator { get; }

    /// <summary>The value or the limits, as they were given: numbers, or the text of numbers.</summary>
    public IReadOnlyList<object> Operands => _operands;

    /// <summary>Creates the comparison from parameters of which at most one is given.</summary>
    /// <param name="value">A value to be equal to.</param>
    /// <param name="tolerance">Maximum difference from <paramref name="value"/>; null: 0.</param>
    /// <param name="greaterThan">A lower limit, not included.</param>
    /// <param name="lessThan">An upper limit, not included.</param>
    /// <param name="between">The lower and the upper limit, both included.</param>
    /// <returns>The comparison; null when nothing is given.</returns>
    /// <exception cref="ArgumentException">
    /// More than one is given, a tolerance without a value, or other than two limits.
    /// </exception>
    public static ValueComparison? From(
        object? value, double? tolerance, object? greaterThan, object? lessThan, IReadOnlyList<object>? between)
    {
        ValueComparison?[] given =
        [
            value is null ? null : new(ValueOperator.EqualTo, [value], tolerance ?? 0),
            greaterThan is null ? null : new(ValueOperator.GreaterThan, [greaterThan]),
            lessThan is null ? null : new(ValueOperator.LessThan, [lessThan]),
            between is null ? null : new(ValueOperator.Between, [.. between]),
        ];
        ValueComparison? comparison = null;
        foreach (ValueComparison other in given.OfType<ValueComparison>())
        {
            comparison = comparison is null
                ? other
                : throw new ArgumentException("Give one condition: a value, a lower limit, an upper limit, or both limits.");
        }

        return comparison is { Operator: ValueOperator.Between, _operands.Length: not 2 }
                ? throw new ArgumentException("Give two numbers: the lower and the upper limit.")
            : tolerance is > 0 && comparison?.Operator != ValueOperator.EqualTo
                ? throw new ArgumentException("A tolerance requires a value.")
            : comparison;
    }

    /// <summary>Parses two limits: <c>1..10</c>.</summary>
    /// <exception cref="FormatException">The text is not two numbers with <c>..</c> between them.</exception>
    public static string[] ParseLimits(string text) =>
        text.Split("..") is [{ Length: > 0 } low, { Length: > 0 } high]
            ? [low, high]
            : throw new FormatException($"'{SafeText.Escape(text)}' is not a valid range of numbers. Write 1..10.");

    /// <summary>Returns the condition for numbers of a type in a process: pointers have its size.</summary>
    /// <param name="type">The type.</param>
    /// <param name="process">The process.</param>
    /// <inheritdoc cref="ValueCondition.EqualTo" path="/exception"/>
    /// <exception cref="MemProcException">SearchMemory, EINVAL: no pointer of the process can fulfill the condition.</exception>
    public ValueCondition For(MemoryValueType type, MemoryTarget process)
    {
        MemoryValueType actual = MemoryValue.For(type, DataModel.Of(process));
        try
        {
            return For(actual);
        }
        catch (Exception error) when (actual != type && error is ArgumentException or OverflowException)
        {
            throw new MemProcException(Operation.SearchMemory, Errno.EINVAL,
                $"Process {process.Identity} is a 32-bit process, whose pointers have 4 bytes: {error.Message}", process.Id);
        }
    }

    /// <summary>Returns the condition for numbers of a type.</summary>
    /// <inheritdoc cref="ValueCondition.EqualTo" path="/exception"/>
    public ValueCondition For(MemoryValueType type) => Operator switch
    {
        ValueOperator.EqualTo => ValueCondition.EqualTo(type, _operands[0], _tolerance),
        ValueOperator.GreaterThan => ValueCondition.GreaterThan(type, _operands[0]),
        ValueOperator.LessThan => ValueCondition.LessThan(type, _operands[0]),
        _ => ValueCondition.Between(type, _operands[0], _operands[1]),
    };
}
