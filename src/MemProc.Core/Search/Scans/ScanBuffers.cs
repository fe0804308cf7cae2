namespace MemProc;

/// <summary>What one worker reads memory into, again and again.</summary>
/// <param name="reader">Reads.</param>
internal sealed class ScanBuffers(MemoryReader reader)
{
    private byte[] _bytes = [];
    private ulong[] _bits = [];

    /// <summary>Reads memory; it stays until the next call.</summary>
    public ReadOnlySpan<byte> Read(ulong address, int length, out IReadOnlyList<MemoryGap> gaps)
    {
        if (_bytes.Length < length)
        {
            _bytes = GC.AllocateUninitializedArray<byte>(length);
        }

        Span<byte> bytes = _bytes.AsSpan(0, length);
        gaps = reader.Read(address, bytes);
        return bytes;
    }

    /// <summary>So many bits, none of them set.</summary>
    public Span<ulong> Bits(int count)
    {
        int words = (count + 63) / 64;
        if (_bits.Length < words)
        {
            _bits = new ulong[words];
        }

        Span<ulong> bits = _bits.AsSpan(0, words);
        bits.Clear();
        return bits;
    }
}
