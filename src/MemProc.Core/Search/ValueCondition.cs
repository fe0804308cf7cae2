using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;

namespace MemProc;

/// <summary>
/// A condition on numbers of one type. Floating-point numbers compare as numbers: 0 equals -0. A NaN fulfills only the
/// condition of being equal to NaN, whatever its bits.
/// </summary>
public abstract class ValueCondition
{
    private protected ValueCondition(MemoryValueType type) => Type = type;

    /// <summary>The type of the numbers.</summary>
    public MemoryValueType Type { get; }

    /// <summary>Bytes of a number.</summary>
    internal int SizeBytes => MemoryValue.SizeOf(Type);

    /// <summary>Numbers equal to another, or near it.</summary>
    /// <param name="type">The type.</param>
    /// <param name="value">The number, as <see cref="MemoryValue.Encode"/> takes it.</param>
    /// <param name="tolerance">Maximum difference, 0 or more.</param>
    /// <exception cref="FormatException">It is not a number, or a fraction where the type is an integer.</exception>
    /// <exception cref="OverflowException">It does not fit the type.</exception>
    /// <exception cref="ArgumentException">
    /// Numbers of the type cannot be compared, no number fulfills the condition, or the tolerance is negative.
    /// </exception>
    public static ValueCondition EqualTo(MemoryValueType type, object value, double tolerance = 0) =>
        tolerance >= 0
            ? Factory(type).Around(value, tolerance)
            : throw new ArgumentException("The tolerance must be 0 or more.", nameof(tolerance));

    /// <summary>Numbers greater than another.</summary>
    /// <inheritdoc cref="EqualTo"/>
    public static ValueCondition GreaterThan(MemoryValueType type, object value) => Factory(type).Above(value);

    /// <summary>Numbers less than another.</summary>
    /// <inheritdoc cref="EqualTo"/>
    public static ValueCondition LessThan(MemoryValueType type, object value) => Factory(type).Below(value);

    /// <summary>Numbers between two others, both included.</summary>
    /// <param name="type">The type.</param>
    /// <param name="low">The least number.</param>
    /// <param name="high">The greatest number.</param>
    /// <inheritdoc cref="EqualTo" path="/exception"/>
    public static ValueCondition Between(MemoryValueType type, object low, object high) =>
        Factory(type).From(low, high);

    /// <summary>Returns whether the bytes of a number fulfill it.</summary>
    internal abstract bool Matches(ReadOnlySpan<byte> bytes);

    /// <summary>Finds numbers in a window, as <see cref="SearchPattern.Find"/> does.</summary>
    internal abstract int Find(byte[] buffer, int at, int end, int alignment, ref int next, Span<FoundMatch> found);

    private static IConditionFactory Factory(MemoryValueType type) => type switch
    {
        MemoryValueType.SByte => new NumberConditionFactory<sbyte>(type),
        MemoryValueType.Byte => new NumberConditionFactory<byte>(type),
        MemoryValueType.Int16 => new NumberConditionFactory<short>(type),
        MemoryValueType.UInt16 => new NumberConditionFactory<ushort>(type),
        MemoryValueType.Int32 => new NumberConditionFactory<int>(type),
        MemoryValueType.UInt32 or MemoryValueType.Pointer32 => new NumberConditionFactory<uint>(type),
        MemoryValueType.Int64 => new NumberConditionFactory<long>(type),
        MemoryValueType.UInt64 or MemoryValueType.Pointer => new NumberConditionFactory<ulong>(type),
        MemoryValueType.Single => new FloatConditionFactory<float>(type),
        MemoryValueType.Double => new FloatConditionFactory<double>(type),
        _ => throw new ArgumentException($"Numbers of type {type} cannot be compared. Use an integer type up to 64 bits, Single, "
            + "Double or Pointer.", nameof(type)),
    };

    /// <summary>Creates conditions for one type.</summary>
    private interface IConditionFactory
    {
        ValueCondition Around(object value, double tolerance);

        ValueCondition Above(object value);

        ValueCondition Below(object value);

        ValueCondition From(object low, object high);
    }

    private class NumberConditionFactory<T>(MemoryValueType type) : IConditionFactory
        where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        public virtual ValueCondition Around(object value, double tolerance)
        {
            T center = Number(value);
            // Saturated at the ends of the type.
            T distance = T.CreateSaturating(Math.Floor(tolerance));
            T low = center - T.MinValue < distance && center - T.MinValue >= T.Zero ? T.MinValue : center - distance;
            T high = T.MaxValue - center < distance && T.MaxValue - center >= T.Zero ? T.MaxValue : center + distance;
            return Range(low, high);
        }

        public ValueCondition Above(object value) =>
            Number(value) is var limit && limit < MaxValue ? Range(Next(limit), MaxValue) : throw Empty("greater", value);

        public ValueCondition Below(object value) =>
            Number(value) is var limit && limit > MinValue ? Range(MinValue, Previous(limit)) : throw Empty("less", value);

        public ValueCondition From(object low, object high) => Number(low) <= Number(high)
            ? Range(Number(low), Number(high))
            : throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"No number is between {low} and {high}. Give the lower one first."));

        protected virtual T MinValue => T.MinValue;

        protected virtual T MaxValue => T.MaxValue;

        protected virtual T Next(T value) => value + T.One;

        protected virtual T Previous(T value) => value - T.One;

        protected T Number(object value) => MemoryMarshal.Read<T>(MemoryValue.Encode(value, type));

        protected ValueRange<T> Range(T low, T high) => new(type, low, high);

        private ArgumentException Empty(string relation, object value) =>
            new(string.Create(CultureInfo.InvariantCulture, $"No {type} is {relation} than {value}."));
    }

    private sealed class FloatConditionFactory<T>(MemoryValueType type) : NumberConditionFactory<T>(type)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>, IMinMaxValue<T>
    {
        public override ValueCondition Around(object value, double tolerance)
        {
            T center = Number(value), distance = T.CreateSaturating(tolerance);
            return T.IsInfinity(center) ? Range(center, center) : Range(center - distance, center + distance);
        }

        protected override T MinValue => T.NegativeInfinity;

        protected override T MaxValue => T.PositiveInfinity;

        protected override T Next(T value) => T.BitIncrement(value);

        protected override T Previous(T value) => T.BitDecrement(value);
    }
}
