namespace MemProc.Tests;

/// <summary>Tests the conditions of users.</summary>
public sealed class ValueComparisonTests
{
    [Fact]
    public void Each_operator_becomes_its_condition()
    {
        Assert.Null(ValueComparison.From(null, null, null, null, null));
        Assert.Equal([5], Fitting(ValueComparison.From("5", null, null, null, null)));
        Assert.Equal([4, 5, 6], Fitting(ValueComparison.From(5, 1, null, null, null)));
        Assert.Equal([8, 9], Fitting(ValueComparison.From(null, 0, "7", null, null)));
        Assert.Equal([0, 1], Fitting(ValueComparison.From(null, null, null, 2, null)));
        Assert.Equal([2, 3, 4], Fitting(ValueComparison.From(null, null, null, null, ValueComparison.ParseLimits("2..0x4"))));
    }

    [Fact]
    public void The_operator_and_operand_are_known_before_the_type()
    {
        ValueComparison comparison = ValueComparison.From(null, null, null, null, [300, 200])!;
        Assert.Equal(ValueOperator.Between, comparison.Operator);
        Assert.Equal([300, 200], comparison.Operands);
        Assert.Throws<OverflowException>(() => comparison.For(MemoryValueType.Byte));
        Assert.Throws<ArgumentException>(() => comparison.For(MemoryValueType.Int32));
    }

    [Fact]
    public void Invalid_arguments_are_rejected()
    {
        Assert.Throws<ArgumentException>(() => ValueComparison.From(1, null, 2, null, null));
        Assert.Throws<ArgumentException>(() => ValueComparison.From(null, null, null, 2, [1, 2]));
        Assert.Throws<ArgumentException>(() => ValueComparison.From(null, null, null, null, [1]));
        Assert.Throws<ArgumentException>(() => ValueComparison.From(null, 0.5, 2, null, null));
        Assert.Throws<ArgumentException>(() => ValueComparison.From(null, 0.5, null, null, null));
        Assert.Throws<ArgumentException>(() => ValueComparison.From(1, -1, null, null, null)!.For(MemoryValueType.Int32));
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("1..")]
    [InlineData("..2")]
    [InlineData("1..2..3")]
    public void Text_without_two_limits_is_rejected(string text) =>
        Assert.Throws<FormatException>(() => ValueComparison.ParseLimits(text));

    private static IEnumerable<int> Fitting(ValueComparison? comparison)
    {
        ValueCondition condition = comparison!.For(MemoryValueType.Int32);
        return Enumerable.Range(0, 10).Where(number => condition.Matches(BitConverter.GetBytes(number)));
    }
}
