using MemProc.Interop;

namespace MemProc.Tests.Interop;

/// <summary>Tests the auxiliary vector, from recorded bytes.</summary>
public sealed class AuxiliaryVectorTests
{
    [Fact]
    public void Pairs_of_64_bits_are_read_up_to_AT_NULL()
    {
        ulong[] words = [33, 0x7ffd2dfc9000, 6, 4096, 9, 0x401000, 0, 0, 7, 7];
        var entries = AuxiliaryVector.Parse(words.SelectMany(BitConverter.GetBytes).ToArray(), out int wordBytes);
        Assert.Equal(8, wordBytes);
        Assert.Equal([(33UL, 0x7ffd2dfc9000UL), (6UL, 4096UL), (9UL, 0x401000UL)], entries);
    }

    [Fact]
    public void Pairs_of_32_bits_are_recognized()
    {
        uint[] words = [32, 0xf7f10570, 33, 0xf7f10000, 6, 4096, 9, 0x8049000, 0, 0];
        var entries = AuxiliaryVector.Parse(words.SelectMany(BitConverter.GetBytes).ToArray(), out int wordBytes);
        Assert.Equal(4, wordBytes);
        Assert.Equal([(32UL, 0xf7f10570UL), (33UL, 0xf7f10000UL), (6UL, 4096UL), (9UL, 0x8049000UL)], entries);
    }

    [Fact]
    public void A_truncated_or_empty_vector_is_not_an_error()
    {
        Assert.Empty(AuxiliaryVector.Parse([], out _));
        Assert.Empty(AuxiliaryVector.Parse([9, 0, 0, 0, 0, 0, 0, 0, 1], out _));
    }
}
