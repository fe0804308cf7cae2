using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text;

namespace MemProc;

/// <summary>A string in a buffer, or a part of one at an end of its window.</summary>
/// <param name="Address">Address of its first byte.</param>
/// <param name="Offset">Offset of its first byte in the buffer.</param>
/// <param name="Length">Its bytes.</param>
/// <param name="Characters">Its characters.</param>
/// <param name="Encoding">Its encoding.</param>
/// <param name="IsComplete">It has what its encoding requires: of UTF-8, a character that is not ASCII.</param>
/// <param name="ReachesEnd">It can continue after the window.</param>
internal readonly record struct FoundString(
    ulong Address, int Offset, int Length, int Characters, MemoryStringEncoding Encoding, bool IsComplete, bool ReachesEnd)
{
    /// <summary>First address after it.</summary>
    public ulong End => Address + (ulong)Length;
}

/// <summary>
/// Finds strings in windows. 64 bytes at a time are classified by vector instructions into masks of printable bytes, and
/// runs of them are found by shifts.
/// </summary>
/// <param name="encoding">The encoding; null: all.</param>
/// <param name="minLength">Minimum number of characters.</param>
internal sealed class StringScanner(MemoryStringEncoding? encoding, int minLength)
{
    private const int Step = 64;

    /// <summary>Bytes of the longest character.</summary>
    private const int MaxCharacterBytes = 4;

    /// <summary>Adds the strings of a window, in address order. Parts at its ends are added whatever their length.</summary>
    public void Scan(byte[] buffer, in SearchWindow window, List<FoundString> found)
    {
        int first = found.Count;
        int edge = window.From + MaxCharacterBytes - 1;
        RunFinder ascii = new(minLength, edge), utf8 = new(minLength, edge), utf16 = new(2 * minLength, edge);
        bool hasAscii = Has(MemoryStringEncoding.Ascii), hasUtf8 = Has(MemoryStringEncoding.Utf8);
        bool hasUtf16 = Has(MemoryStringEncoding.Utf16);
        ref byte origin = ref MemoryMarshal.GetArrayDataReference(buffer);
        ulong carry8 = 0, carry16 = 0;
        int at = window.From;
        // Characters begin before the end of the window; the last one can end after it.
        for (; at < window.To + MaxCharacterBytes; at += Step)
        {
            bool all = at == window.From || at + Step >= window.To;
            ulong starts = FirstBits(window.To - at);
            Block block = new(ref origin, at);
            ulong printable = block.Printable & starts;
            if (hasAscii)
            {
                ascii.Add(printable, at, all);
            }

            if (hasUtf16)
            {
                ulong units = printable & Block.Zeros(ref origin, at + 1) & FirstBits(window.End - at - 1);
                utf16.Add(units | units << 1 | carry16, at, all);
                carry16 = units >> (Step - 1);
            }

            if (hasUtf8)
            {
                bool hasOthers = (block.High & FirstBits(window.End - at)) != 0;
                ulong cover = hasOthers
                    ? printable | carry8 | Characters(ref origin, at, starts, window.End, out carry8)
                    : printable | carry8;
                carry8 = hasOthers ? carry8 : 0;
                utf8.Add(cover, at, all, inner: hasOthers);
                AddUtf8(buffer, window, utf8.Runs, found);
            }

            Add(window, ascii.Runs, MemoryStringEncoding.Ascii, 1, found);
            Add(window, utf16.Runs, MemoryStringEncoding.Utf16, 2, found);
        }

        ascii.End(at);
        utf8.End(at);
        utf16.End(at);
        Add(window, ascii.Runs, MemoryStringEncoding.Ascii, 1, found);
        Add(window, utf16.Runs, MemoryStringEncoding.Utf16, 2, found);
        AddUtf8(buffer, window, utf8.Runs, found);
        if (encoding is null)
        {
            CollectionsMarshal.AsSpan(found)[first..].Sort(static (left, right) =>
                left.Offset != right.Offset ? left.Offset.CompareTo(right.Offset) : left.Encoding.CompareTo(right.Encoding));
        }
    }

    private bool Has(MemoryStringEncoding one) => encoding is null || encoding == one;

    private static ulong FirstBits(int count) => count >= Step ? ulong.MaxValue : count <= 0 ? 0 : (1UL << count) - 1;

    /// <summary>Returns the bytes of characters that are not ASCII and begin in a block, by the structure of UTF-8.</summary>
    private static ulong Characters(ref byte origin, int at, ulong starts, int end, out ulong carry)
    {
        (ulong two, ulong three, ulong four) = Block.Leads(ref origin, at);
        ulong next = Block.Continuations(ref origin, at + 1) & FirstBits(end - at - 1) & starts;
        ulong third = Block.Continuations(ref origin, at + 2) & FirstBits(end - at - 2);
        ulong fourth = Block.Continuations(ref origin, at + 3) & FirstBits(end - at - 3);
        four &= next & third & fourth;
        three = (three & next & third) | four;
        two = (two & next) | three;
        carry = two >> (Step - 1) | three >> (Step - 2) | four >> (Step - 3);
        return two | two << 1 | three << 2 | four << 3;
    }

    /// <summary>Adds runs of characters of one size.</summary>
    private void Add(in SearchWindow window, List<(int Start, int End)> runs, MemoryStringEncoding kind, int size,
        List<FoundString> found)
    {
        foreach ((int start, int end) in runs)
        {
            Add(window, start, end, (end - start) / size, kind, isComplete: true, found);
        }

        runs.Clear();
    }

    /// <summary>Adds the parts of runs that consist of printable characters.</summary>
    private void AddUtf8(byte[] buffer, in SearchWindow window, List<(int Start, int End)> runs, List<FoundString> found)
    {
        foreach ((int start, int end) in runs)
        {
            ReadOnlySpan<byte> rest = buffer.AsSpan(start, end - start);
            if (IsInside(window, start, end) && !rest.ContainsAnyInRange((byte)0x80, (byte)0xff))
            {
                continue;
            }

            int from = start, characters = 0;
            bool hasOther = false;
            for (int at = start; at < end;)
            {
                bool isValid = Rune.DecodeFromUtf8(rest, out Rune character, out int length) == OperationStatus.Done
                    && IsPrintable(character);
                rest = rest[length..];
                at += length;
                if (isValid)
                {
                    characters++;
                    hasOther |= !character.IsAscii;
                    continue;
                }

                Add(window, from, at - length, characters, MemoryStringEncoding.Utf8, hasOther, found);
                (from, characters, hasOther) = (at, 0, false);
            }

            Add(window, from, end, characters, MemoryStringEncoding.Utf8, hasOther, found);
        }

        runs.Clear();
    }

    private void Add(in SearchWindow window, int start, int end, int characters, MemoryStringEncoding kind,
        bool isComplete, List<FoundString> found)
    {
        if (end > start && (!IsInside(window, start, end) || (characters >= minLength && isComplete)))
        {
            found.Add(new FoundString(window.AddressOf(start), start, end - start, characters, kind, isComplete,
                end >= window.To));
        }
    }

    /// <summary>Whether a string touches no end of the window, so that it is complete.</summary>
    private static bool IsInside(in SearchWindow window, int start, int end) =>
        start >= window.From + MaxCharacterBytes && end < window.To;

    private static bool IsPrintable(Rune character) => character.IsAscii
        ? character.Value is '\t' or (>= ' ' and <= '~')
        : Rune.GetUnicodeCategory(character) is not (UnicodeCategory.Control or UnicodeCategory.Format
            or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);

    /// <summary>The classes of 64 bytes.</summary>
    private readonly ref struct Block
    {
        public Block(ref byte origin, int at)
        {
            Vector256<byte> low = Vector256.LoadUnsafe(ref origin, (nuint)at);
            Vector256<byte> high = Vector256.LoadUnsafe(ref origin, (nuint)at + 32);
            Printable = Join(IsPrintable(low), IsPrintable(high));
            High = Join(low, high);
        }

        /// <summary>Printable ASCII and tabs.</summary>
        public ulong Printable { get; }

        /// <summary>Bytes from 0x80 on.</summary>
        public ulong High { get; }

        public static ulong Zeros(ref byte origin, int at) => Join(
            Vector256.Equals(Vector256.LoadUnsafe(ref origin, (nuint)at), Vector256<byte>.Zero),
            Vector256.Equals(Vector256.LoadUnsafe(ref origin, (nuint)at + 32), Vector256<byte>.Zero));

        /// <summary>Bytes of characters but their first: 0x80 to 0xbf.</summary>
        public static ulong Continuations(ref byte origin, int at) => Join(
            Vector256.LessThan(Vector256.LoadUnsafe(ref origin, (nuint)at).AsSByte(), Vector256.Create((sbyte)-64)).AsByte(),
            Vector256.LessThan(Vector256.LoadUnsafe(ref origin, (nuint)at + 32).AsSByte(), Vector256.Create((sbyte)-64)).AsByte());

        /// <summary>First bytes of characters of two, three and four bytes.</summary>
        public static (ulong Two, ulong Three, ulong Four) Leads(ref byte origin, int at)
        {
            Vector256<byte> low = Vector256.LoadUnsafe(ref origin, (nuint)at);
            Vector256<byte> high = Vector256.LoadUnsafe(ref origin, (nuint)at + 32);
            return (Lead(low, high, 0xe0, 0xc0), Lead(low, high, 0xf0, 0xe0), Lead(low, high, 0xf8, 0xf0));
        }

        private static ulong Lead(Vector256<byte> low, Vector256<byte> high, byte mask, byte value) => Join(
            Vector256.Equals(low & Vector256.Create(mask), Vector256.Create(value)),
            Vector256.Equals(high & Vector256.Create(mask), Vector256.Create(value)));

        private static Vector256<byte> IsPrintable(Vector256<byte> bytes) =>
            // As signed numbers, bytes from 0x80 on are negative.
            Vector256.AndNot(Vector256.GreaterThan(bytes.AsSByte(), Vector256.Create((sbyte)0x1f)).AsByte(),
                Vector256.Equals(bytes, Vector256.Create((byte)0x7f)))
            | Vector256.Equals(bytes, Vector256.Create((byte)'\t'));

        private static ulong Join(Vector256<byte> low, Vector256<byte> high) =>
            low.ExtractMostSignificantBits() | (ulong)high.ExtractMostSignificantBits() << 32;
    }
}
