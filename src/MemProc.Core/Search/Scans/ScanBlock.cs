using System.Numerics;

namespace MemProc;

/// <summary>Size and alignment of the numbers of a scan.</summary>
/// <param name="Size">Bytes of a number.</param>
/// <param name="Alignment">Bytes from one slot to the next.</param>
internal readonly record struct ScanLayout(int Size, int Alignment)
{
    /// <summary>Returns the bytes from slot 0 to another slot.</summary>
    public ulong OffsetOf(int slot) => (ulong)slot * (ulong)Alignment;

    /// <summary>Returns the bytes that a number of slots take.</summary>
    public int Length(int slots) => (slots - 1) * Alignment + Size;

    /// <summary>Returns how many slots fit into a number of bytes.</summary>
    public int SlotsIn(int bytes) => bytes < Size ? 0 : (bytes - Size) / Alignment + 1;

    /// <summary>Returns the number in a slot.</summary>
    public ReadOnlySpan<byte> Number(ReadOnlySpan<byte> bytes, int slot) => bytes.Slice(slot * Alignment, Size);

    /// <summary>Returns whether some slots hold the same number, and the bytes between them are the same, too.</summary>
    public bool IsUniform(ReadOnlySpan<byte> bytes, int slot, int count)
    {
        ReadOnlySpan<byte> part = bytes.Slice(slot * Alignment, Length(count));
        return count < 2 || part[Alignment..].SequenceEqual(part[..^Alignment]);
    }
}

/// <summary>
/// Candidates of a scan in a stretch of memory, with their values from the last round. A slot is where a number may
/// begin: slot 0 is at the block's address, slot 1 one alignment further. The candidates are a bitmap, or a list when
/// they are few, or neither when every slot is one. The values are a single number when all are equal, an array of
/// numbers, or a copy of the memory, whichever is smallest.
/// </summary>
internal sealed class ScanBlock
{
    /// <summary>Maximum number of slots of a block in which not all are candidates: the list has 16-bit numbers.</summary>
    private const int MaxSlots = 64 * 1024;

    /// <summary>
    /// Maximum size of the memory of a block of equal numbers, in bytes: it is read in one piece in the next round.
    /// </summary>
    private const ulong MaxUniformBytes = 16 * 1024 * 1024;

    /// <summary>Bytes of the object itself, and of an array without its elements.</summary>
    private const int ObjectBytes = 72;
    private const int ArrayBytes = 24;

    /// <summary>Arrays from this size on are pinned, so that the garbage collector does not move them.</summary>
    private const int LargeArray = 4096;

    private readonly ScanLayout _layout;
    private readonly ulong[]? _bits;
    private readonly ushort[]? _list;
    private readonly byte[] _values;
    private readonly StorageFormat _format;

    private ScanBlock(
        in ScanLayout layout, ulong address, int slots, int count, ulong[]? bits, ushort[]? list, byte[] values,
        StorageFormat format)
    {
        _layout = layout;
        Address = address;
        Slots = slots;
        Count = count;
        _bits = bits;
        _list = list;
        _values = values;
        _format = format;
        FirstSlot = _bits is not null ? NextBit(_bits, 0) : _list is not null ? _list[0] : 0;
        LastSlot = _bits is not null ? LastBit(_bits) : _list is not null ? _list[^1] : slots - 1;
    }

    /// <summary>How the values are stored.</summary>
    private enum StorageFormat
    {
        /// <summary>One value: all are equal.</summary>
        Equal,
        /// <summary>An array with one value for each candidate.</summary>
        Packed,
        /// <summary>A copy of the memory from the first slot on.</summary>
        Raw,
    }

    /// <summary>Address of slot 0.</summary>
    public ulong Address { get; }

    /// <summary>Number of slots.</summary>
    public int Slots { get; }

    /// <summary>Number of candidates, at least 1.</summary>
    public int Count { get; }

    /// <summary>Slot of the first candidate.</summary>
    public int FirstSlot { get; }

    /// <summary>Slot of the last candidate.</summary>
    public int LastSlot { get; }

    /// <summary>Bytes of this process that the block holds.</summary>
    public long HeldBytes => ObjectBytes
        + ArrayBytes + _values.Length
        + (_bits is null ? 0 : ArrayBytes + sizeof(ulong) * _bits.Length)
        + (_list is null ? 0 : ArrayBytes + sizeof(ushort) * _list.Length);

    /// <summary>Whether all slots are candidates with the same value.</summary>
    private bool IsUniform => _format == StorageFormat.Equal && _bits is null && _list is null;

    /// <summary>Adds blocks in which every slot is a candidate. Pages full of one number take almost no memory.</summary>
    /// <param name="blocks">Receives the blocks.</param>
    /// <param name="layout">Size and alignment of the numbers.</param>
    /// <param name="address">Address of slot 0.</param>
    /// <param name="bytes">The memory from there on, to the end of the last number.</param>
    /// <param name="slots">Number of slots.</param>
    public static void AddAll(
        List<ScanBlock> blocks, in ScanLayout layout, ulong address, ReadOnlySpan<byte> bytes, int slots)
    {
        int unit = Math.Max((int)MachinePage.SizeBytes / layout.Alignment, 1);
        int max = Math.Max(MaxSlots / layout.Alignment, unit);
        int mixed = 0;
        for (int slot = 0; slot < slots; slot += unit)
        {
            int count = Math.Min(unit, slots - slot);
            if (layout.IsUniform(bytes, slot, count))
            {
                AddRaw(blocks, layout, address, bytes, mixed, slot);
                AddUniform(blocks, layout, address + layout.OffsetOf(slot), count, layout.Number(bytes, slot));
                mixed = slot + count;
            }
            else if (slot + count - mixed >= max)
            {
                AddRaw(blocks, layout, address, bytes, mixed, slot + count);
                mixed = slot + count;
            }
        }

        AddRaw(blocks, layout, address, bytes, mixed, slots);
    }

    /// <summary>Adds blocks of the slots whose bits are set.</summary>
    /// <param name="blocks">Receives the blocks.</param>
    /// <param name="layout">Size and alignment of the numbers.</param>
    /// <param name="address">Address of slot 0.</param>
    /// <param name="bytes">The memory from there on, to the end of the last number that is a candidate.</param>
    /// <param name="slots">Number of slots.</param>
    /// <param name="bits">One bit for each slot.</param>
    public static void AddSome(
        List<ScanBlock> blocks, in ScanLayout layout, ulong address, ReadOnlySpan<byte> bytes, int slots,
        ReadOnlySpan<ulong> bits)
    {
        int step = Math.Max(MaxSlots / layout.Alignment, 64);
        for (int slot = 0; slot < slots; slot += step)
        {
            int here = Math.Min(step, slots - slot);
            ReadOnlySpan<ulong> part = bits.Slice(slot / 64, (here + 63) / 64);
            int count = 0;
            foreach (ulong word in part)
            {
                count += BitOperations.PopCount(word);
            }

            if (count == here)
            {
                AddAll(blocks, layout, address + layout.OffsetOf(slot), bytes[(int)layout.OffsetOf(slot)..], here);
            }
            else if (count > 0)
            {
                blocks.Add(Some(layout, address + layout.OffsetOf(slot), bytes[(int)layout.OffsetOf(slot)..], here,
                    part, count));
            }
        }
    }

    /// <summary>Enumerates the candidates, in address order.</summary>
    public Candidates GetCandidates() => new(this);

    /// <summary>Returns the candidates with copies of their values, in address order.</summary>
    public IEnumerable<(int Slot, byte[] Number)> Read()
    {
        for (int index = 0, slot = -1; index < Count; index++)
        {
            slot = SlotAt(index, slot);
            yield return (slot, NumberAt(index, slot).ToArray());
        }
    }

    /// <summary>Returns whether the memory is unchanged; false also when that would take too long to find out.</summary>
    /// <param name="now">The memory from the first candidate to the last.</param>
    public bool IsSame(ReadOnlySpan<byte> now) => _format switch
    {
        StorageFormat.Raw => now.SequenceEqual(_values.AsSpan((int)_layout.OffsetOf(FirstSlot), now.Length)),
        StorageFormat.Equal when IsUniform => _layout.IsUniform(now, 0, Slots)
            && now[.._layout.Size].SequenceEqual(_values),
        _ => false,
    };

    private int SlotAt(int index, int before) => _bits is not null ? NextBit(_bits, before + 1)
        : _list is not null ? _list[index]
        : index;

    private ReadOnlySpan<byte> NumberAt(int index, int slot) => _values.AsSpan(
        _format switch
        {
            StorageFormat.Equal => 0,
            StorageFormat.Packed => index * _layout.Size,
            _ => (int)_layout.OffsetOf(slot),
        }, _layout.Size);

    private static void AddRaw(
        List<ScanBlock> blocks, in ScanLayout layout, ulong address, ReadOnlySpan<byte> bytes, int from, int to)
    {
        if (from < to)
        {
            ReadOnlySpan<byte> raw = bytes.Slice((int)layout.OffsetOf(from), layout.Length(to - from));
            blocks.Add(new ScanBlock(layout, address + layout.OffsetOf(from), to - from, to - from, null, null,
                Copy(raw), StorageFormat.Raw));
        }
    }

    private static void AddUniform(
        List<ScanBlock> blocks, in ScanLayout layout, ulong address, int slots, ReadOnlySpan<byte> number)
    {
        // It continues the previous block.
        if (blocks is [.., { IsUniform: true } last] && last.Address + layout.OffsetOf(last.Slots) == address
            && layout.OffsetOf(last.Slots + slots) <= MaxUniformBytes && number.SequenceEqual(last._values))
        {
            blocks[^1] = new ScanBlock(layout, last.Address, last.Slots + slots, last.Slots + slots, null, null,
                last._values, StorageFormat.Equal);
        }
        else
        {
            blocks.Add(new ScanBlock(layout, address, slots, slots, null, null, number.ToArray(), StorageFormat.Equal));
        }
    }

    private static ScanBlock Some(
        in ScanLayout layout, ulong address, ReadOnlySpan<byte> bytes, int slots, ReadOnlySpan<ulong> bits, int count)
    {
        ushort[]? list = 2 * count < slots / 8 ? new ushort[count] : null;
        ReadOnlySpan<byte> first = default;
        int index = 0, last = 0;
        bool isEqual = true;
        for (int word = 0; word < bits.Length; word++)
        {
            for (ulong rest = bits[word]; rest != 0; rest &= rest - 1)
            {
                last = word * 64 + BitOperations.TrailingZeroCount(rest);
                ReadOnlySpan<byte> number = layout.Number(bytes, last);
                first = index == 0 ? number : first;
                isEqual = isEqual && number.SequenceEqual(first);
                if (list is not null)
                {
                    list[index] = (ushort)last;
                }

                index++;
            }
        }

        int raw = layout.Length(last + 1);
        (byte[] values, StorageFormat format) = isEqual ? (first.ToArray(), StorageFormat.Equal)
            : raw < count * layout.Size ? (Copy(bytes[..raw]), StorageFormat.Raw)
            : (Pack(layout, bytes, bits, count), StorageFormat.Packed);
        return new ScanBlock(
            layout, address, slots, count, list is null ? bits.ToArray() : null, list, values, format);
    }

    private static byte[] Pack(in ScanLayout layout, ReadOnlySpan<byte> bytes, ReadOnlySpan<ulong> bits, int count)
    {
        int size = count * layout.Size;
        byte[] packed = GC.AllocateUninitializedArray<byte>(size, pinned: size >= LargeArray);
        int index = 0;
        for (int word = 0; word < bits.Length; word++)
        {
            for (ulong rest = bits[word]; rest != 0; rest &= rest - 1)
            {
                layout.Number(bytes, word * 64 + BitOperations.TrailingZeroCount(rest))
                    .CopyTo(packed.AsSpan(index++ * layout.Size));
            }
        }

        return packed;
    }

    private static byte[] Copy(ReadOnlySpan<byte> bytes)
    {
        byte[] copy = GC.AllocateUninitializedArray<byte>(bytes.Length, pinned: bytes.Length >= LargeArray);
        bytes.CopyTo(copy);
        return copy;
    }

    /// <summary>Returns the next set bit; there is one.</summary>
    private static int NextBit(ulong[] bits, int from)
    {
        int word = from / 64;
        ulong rest = bits[word] & (ulong.MaxValue << (from % 64));
        while (rest == 0)
        {
            rest = bits[++word];
        }

        return word * 64 + BitOperations.TrailingZeroCount(rest);
    }

    private static int LastBit(ulong[] bits)
    {
        int word = Array.FindLastIndex(bits, word => word != 0);
        return word * 64 + 63 - BitOperations.LeadingZeroCount(bits[word]);
    }

    /// <summary>Enumerates the candidates of a block.</summary>
    public ref struct Candidates(ScanBlock block)
    {
        private int _slot = -1;
        private int _index = -1;

        /// <summary>Slot of the present candidate.</summary>
        public readonly int Slot => _slot;

        /// <summary>Its bytes in the last round.</summary>
        public readonly ReadOnlySpan<byte> Number => block.NumberAt(_index, _slot);

        /// <summary>Moves to the next candidate. Returns false at the end.</summary>
        public bool MoveNext()
        {
            _index++;
            if (_index >= block.Count)
            {
                return false;
            }

            _slot = block.SlotAt(_index, _slot);
            return true;
        }
    }
}
