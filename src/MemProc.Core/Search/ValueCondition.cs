using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;

namespace MemProc;

/// <summary>
/// Which numbers of a type are wanted. Floating-point numbers compare as numbers: 0 equals -0, and only a NaN that is
/// asked for is found, whatever its bits.
/// </summary>
public abstract class ValueCondition
{
    private protected ValueCondition(MemoryValueType type) => Type = type;

    /// <summary>The type of the numbers.</summary>
    public MemoryValueType Type { get; }

    /// <summary>Bytes of a number.</summary>
    internal int SizeBytes => MemoryValue.SizeOf(Type);

    /// <summary>A number, or what lies around it.</summary>
    /// <param name="type">The type.</param>
    /// <param name="value">The number, as <see cref="MemoryValue.Encode"/> takes it.</param>
    /// <param name="tolerance">How far from it others may be, 0 or more.</param>
    /// <exception cref="FormatException">It is no number, or a fraction where the type has none.</exception>
    /// <exception cref="OverflowException">It does not fit the type.</exception>
    /// <exception cref="ArgumentException">Numbers of the type cannot be compared; the tolerance is below 0.</exception>
    public static ValueCondition EqualTo(MemoryValueType type, object value, double tolerance = 0) =>
        tolerance >= 0
            ? Maker(type).Around(value, tolerance)
            : throw new ArgumentException("A tolerance is a number of at least 0.", nameof(tolerance));

    /// <summary>Numbers above another.</summary>
    /// <inheritdoc cref="EqualTo"/>
    public static ValueCondition GreaterThan(MemoryValueType type, object value) => Maker(type).Above(value);

    /// <summary>Numbers below another.</summary>
    /// <inheritdoc cref="EqualTo"/>
    public static ValueCondition LessThan(MemoryValueType type, object value) => Maker(type).Below(value);

    /// <summary>Numbers between two others, these included.</summary>
    /// <param name="type">The type.</param>
    /// <param name="low">The lowest.</param>
    /// <param name="high">The highest.</param>
    /// <inheritdoc cref="EqualTo" path="/exception"/>
    public static ValueCondition Between(MemoryValueType type, object low, object high) =>
        Maker(type).From(low, high);

    /// <summary>Whether the bytes of a number fulfil it.</summary>
    internal abstract bool Fits(ReadOnlySpan<byte> bytes);

    /// <summary>Finds numbers in a window, as <see cref="SearchPattern.Find"/> does.</summary>
    internal abstract int Find(byte[] buffer, int at, int end, int alignment, ref int next, Span<FoundMatch> found);

    private static IMaker Maker(MemoryValueType type) => type switch
    {
        MemoryValueType.SByte => new NumberMaker<sbyte>(type),
        MemoryValueType.Byte => new NumberMaker<byte>(type),
        MemoryValueType.Int16 => new NumberMaker<short>(type),
        MemoryValueType.UInt16 => new NumberMaker<ushort>(type),
        MemoryValueType.Int32 => new NumberMaker<int>(type),
        MemoryValueType.UInt32 => new NumberMaker<uint>(type),
        MemoryValueType.Int64 => new NumberMaker<long>(type),
        MemoryValueType.UInt64 or MemoryValueType.Pointer => new NumberMaker<ulong>(type),
        MemoryValueType.Single => new FloatMaker<float>(type),
        MemoryValueType.Double => new FloatMaker<double>(type),
        _ => throw new ArgumentException($"{type} is no type of numbers that a search compares.", nameof(type)),
    };

    /// <summary>Makes conditions for one type.</summary>
    private interface IMaker
    {
        ValueCondition Around(object value, double tolerance);

        ValueCondition Above(object value);

        ValueCondition Below(object value);

        ValueCondition From(object low, object high);
    }

    private class NumberMaker<T>(MemoryValueType type) : IMaker
        where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        public virtual ValueCondition Around(object value, double tolerance)
        {
            T center = Number(value);
            // Saturated: what lies beyond the type's ends is not there.
            T distance = T.CreateSaturating(Math.Floor(tolerance));
            T low = center - T.MinValue < distance && center - T.MinValue >= T.Zero ? T.MinValue : center - distance;
            T high = T.MaxValue - center < distance && T.MaxValue - center >= T.Zero ? T.MaxValue : center + distance;
            return Range(low, high);
        }

        public ValueCondition Above(object value) =>
            Number(value) is var limit && limit < Highest ? Range(Next(limit), Highest) : throw Empty("above", value);

        public ValueCondition Below(object value) =>
            Number(value) is var limit && limit > Lowest ? Range(Lowest, Previous(limit)) : throw Empty("below", value);

        public ValueCondition From(object low, object high) => Number(low) <= Number(high)
            ? Range(Number(low), Number(high))
            : throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"Nothing lies between {low} and {high}: give the lower one first."));

        protected virtual T Lowest => T.MinValue;

        protected virtual T Highest => T.MaxValue;

        protected virtual T Next(T value) => value + T.One;

        protected virtual T Previous(T value) => value - T.One;

        protected T Number(object value) => MemoryMarshal.Read<T>(MemoryValue.Encode(value, type));

        protected ValueRange<T> Range(T low, T high) => new(type, low, high);

        private ArgumentException Empty(string where, object value) =>
            new(string.Create(CultureInfo.InvariantCulture, $"No {type} is {where} {value}."));
    }

    private sealed class FloatMaker<T>(MemoryValueType type) : NumberMaker<T>(type)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>, IMinMaxValue<T>
    {
        public override ValueCondition Around(object value, double tolerance)
        {
            T center = Number(value), distance = T.CreateSaturating(tolerance);
            return T.IsInfinity(center) ? Range(center, center) : Range(center - distance, center + distance);
        }

        protected override T Lowest => T.NegativeInfinity;

        protected override T Highest => T.PositiveInfinity;

        protected override T Next(T value) => T.BitIncrement(value);

        protected override T Previous(T value) => T.BitDecrement(value);
    }
}
