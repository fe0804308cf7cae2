using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
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

    /// <summary>Masks of a kind that are calculated before runs are searched for in them.</summary>
    private const int BatchMasks = 64;

    /// <summary>Room for the masks of a kind: one of the batch before, and some that vector instructions reach.</summary>
    private const int MasksOfKind = 1 + BatchMasks + 4;

    /// <summary>Kinds of masks that are kept for a batch.</summary>
    private const int Kinds = 10;

    /// <summary>The strings of a window by encoding, before they are merged.</summary>
    [ThreadStatic]
    private static List<FoundString>[]? _parts;

    /// <summary>Adds the strings of a window, in address order. Parts at its ends are added whatever their length.</summary>
    public void Scan(byte[] buffer, in SearchWindow window, List<FoundString> found)
    {
        int start = window.From, edge = start + MaxCharacterBytes - 1, end = window.To - MaxCharacterBytes;
        RunFinder ascii = new(minLength, start, edge, end), utf16 = new(2 * minLength, start, edge, end);
        // One of the characters has two bytes or more.
        RunFinder utf8 = new(minLength + 1, start, edge, end);
        List<FoundString>[] parts = encoding is null ? _parts ??= [[], [], []] : [found, found, found];
        ref byte origin = ref MemoryMarshal.GetArrayDataReference(buffer);
        // The first of each is the last one of the batch before.
        Span<ulong> masks = stackalloc ulong[Kinds * MasksOfKind];
        masks.Clear();
        ulong carry16 = 0;
        int at = start, count;
        // Characters begin before the end of the window; the last one can end after it.
        for (; at < window.To + MaxCharacterBytes; at += count * Step)
        {
            count = Math.Min(BatchMasks, (window.To + MaxCharacterBytes - at + Step - 1) / Step);
            Span<ulong> printable = Kind(masks, 0, count), high = Kind(masks, 1, count);
            Classify(ref origin, at, window, printable, high);
            if (Has(MemoryStringEncoding.Ascii))
            {
                ascii.Add(printable, [], [], at);
                Add(window, ascii.Runs, MemoryStringEncoding.Ascii, 1, parts[0]);
            }

            if (Has(MemoryStringEncoding.Utf16))
            {
                Span<ulong> units = Kind(masks, 2, count);
                FindUnits(ref origin, at, window, printable, units, ref carry16);
                utf16.Add(units, [], [], at);
                Add(window, utf16.Runs, MemoryStringEncoding.Utf16, 2, parts[2]);
                units[0] = units[^1];
            }

            if (Has(MemoryStringEncoding.Utf8))
            {
                Span<ulong> others = Kind(masks, 3, count), all = Kind(masks, 4, count), rest = Kind(masks, 5, count);
                FindCharacters(ref origin, at, window, printable, high, others, all, rest, masks[(6 * MasksOfKind)..]);
                utf8.Add(all, others, rest, at);
                AddUtf8(buffer, window, utf8.Runs, parts[1]);
                (others[0], all[0], rest[0]) = (others[^1], all[^1], rest[^1]);
            }

            printable[0] = printable[^1];
        }

        // Those of encodings that are not searched for have seen no bits.
        ascii.End(Has(MemoryStringEncoding.Ascii) ? at : start);
        utf16.End(Has(MemoryStringEncoding.Utf16) ? at : start);
        utf8.End(Has(MemoryStringEncoding.Utf8) ? at : start);
        Add(window, ascii.Runs, MemoryStringEncoding.Ascii, 1, parts[0]);
        Add(window, utf16.Runs, MemoryStringEncoding.Utf16, 2, parts[2]);
        AddUtf8(buffer, window, utf8.Runs, parts[1]);
        if (encoding is null)
        {
            Merge(CollectionsMarshal.AsSpan(parts[0]), CollectionsMarshal.AsSpan(parts[1]), CollectionsMarshal.AsSpan(parts[2]), found);
            Array.ForEach(parts, part => part.Clear());
        }
    }

    private static Span<ulong> Kind(Span<ulong> masks, int kind, int count) =>
        masks.Slice(kind * MasksOfKind, count + 1);

    /// <summary>Whether bytes after a block have to be looked at one by one: it is near the end of a window.</summary>
    private static bool IsNearEnd(in SearchWindow window, int at) => at + Step + MaxCharacterBytes > window.To;

    /// <summary>Calculates which bytes are printable ASCII or tabs, and which are not ASCII.</summary>
    private static void Classify(
        ref byte origin, int at, in SearchWindow window, Span<ulong> printable, Span<ulong> high)
    {
        for (int index = 1; index < printable.Length; index++, at += Step)
        {
            (printable[index], high[index]) = Block.Classify(ref origin, at);
            if (IsNearEnd(window, at))
            {
                printable[index] &= FirstBits(window.To - at);
                high[index] &= FirstBits(window.End - at);
            }
        }
    }

    /// <summary>Calculates the bytes of characters in UTF-16: printable ones before zeros, and these.</summary>
    private static void FindUnits(
        ref byte origin, int at, in SearchWindow window, ReadOnlySpan<ulong> printable, Span<ulong> units, ref ulong carry)
    {
        for (int index = 1; index < units.Length; index++, at += Step)
        {
            ulong first = printable[index];
            if (first != 0)
            {
                first &= Block.Zeros(ref origin, at + 1);
                first = IsNearEnd(window, at) ? first & FirstBits(window.End - at - 1) : first;
            }

            units[index] = first | first << 1 | carry;
            carry = first >> (Step - 1);
        }
    }

    /// <summary>
    /// Calculates the bytes of characters that are not ASCII, by the structure of UTF-8, and of all characters. Some that are
    /// no characters are among them: a fourth byte after three, whatever the first one allows.
    /// </summary>
    /// <param name="origin">Start of the buffer.</param>
    /// <param name="at">Offset of the first block.</param>
    /// <param name="window">The window.</param>
    /// <param name="printable">Printable bytes.</param>
    /// <param name="high">Bytes from 0x80 on.</param>
    /// <param name="others">Receives the bytes of characters that are not ASCII.</param>
    /// <param name="all">Receives these and the printable bytes.</param>
    /// <param name="rest">Receives the bytes of these characters but their first.</param>
    /// <param name="scratch">Room for the masks of a batch, which keeps what the next batch needs.</param>
    private static void FindCharacters(ref byte origin, int at, in SearchWindow window, ReadOnlySpan<ulong> printable,
        ReadOnlySpan<ulong> high, Span<ulong> others, Span<ulong> all, Span<ulong> rest, Span<ulong> scratch)
    {
        int count = all.Length - 1;
        // Each has a mask before and one after the batch.
        Span<ulong> leads = Kind(scratch, 0, count), after = Kind(scratch, 1, count + 1), bit5 = Kind(scratch, 2, count);
        Span<ulong> carries = Kind(scratch, 3, count);
        for (int index = 1; index <= count; index++, at += Step)
        {
            ulong lead = high[index] & Block.Bits(ref origin, at, 6);
            after[index] = high[index] & ~lead;
            leads[index] = IsNearEnd(window, at) ? lead & FirstBits(window.To - at) : lead;
            bit5[index] = Block.Bits(ref origin, at, 5);
        }

        after[count + 1] = Block.Continuations(ref origin, at) & FirstBits(window.End - at);
        for (int index = 1; index <= count; index += Vector256<ulong>.Count)
        {
            // Those of the last masks that are beyond the batch are not used.
            Vector256<ulong> two = Load(leads, index), continuations = Load(after, index), next = Load(after, index + 1);
            // First bytes of characters are 110xxxxx, 1110xxxx and 11110xxx.
            two &= continuations >> 1 | next << 63;
            Vector256<ulong> three = two & Load(bit5, index) & (continuations >> 2 | next << 62);
            two = (two & ~Load(bit5, index)) | three;
            Vector256<ulong> four = three & (continuations >> 3 | next << 61);
            Store(two | two << 1 | three << 2 | four << 3, others, index);
            Store(two >> 63 | three >> 62 | four >> 61, carries, index);
        }

        for (int index = 1; index <= count; index += Vector256<ulong>.Count)
        {
            Vector256<ulong> other = Load(others, index) | Load(carries, index - 1);
            Store(other, others, index);
            Store(other | Load(printable, index), all, index);
            Store(other & Load(after, index), rest, index);
        }

        carries[0] = carries[count];

        static Vector256<ulong> Load(ReadOnlySpan<ulong> masks, int index) =>
            Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(masks), (nuint)index);

        static void Store(Vector256<ulong> value, Span<ulong> masks, int index) =>
            value.StoreUnsafe(ref MemoryMarshal.GetReference(masks), (nuint)index);
    }

    private bool Has(MemoryStringEncoding one) => encoding is null || encoding == one;

    private static ulong FirstBits(int count) => count >= Step ? ulong.MaxValue : count <= 0 ? 0 : (1UL << count) - 1;

    /// <summary>Adds strings of each encoding, in address order.</summary>
    private static void Merge(
        ReadOnlySpan<FoundString> ascii, ReadOnlySpan<FoundString> utf8, ReadOnlySpan<FoundString> utf16, List<FoundString> found)
    {
        while (ascii.Length + utf8.Length + utf16.Length > 0)
        {
            int first = Math.Min(Offset(ascii), Math.Min(Offset(utf8), Offset(utf16)));
            Take(ref ascii, first, found);
            Take(ref utf8, first, found);
            Take(ref utf16, first, found);
        }

        static int Offset(ReadOnlySpan<FoundString> strings) => strings.IsEmpty ? int.MaxValue : strings[0].Offset;

        static void Take(ref ReadOnlySpan<FoundString> strings, int offset, List<FoundString> found)
        {
            if (Offset(strings) == offset)
            {
                found.Add(strings[0]);
                strings = strings[1..];
            }
        }
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
            // Few bytes of random memory can be text in UTF-8, and most of these are too short.
            if (IsInside(window, start, end) && end - start < MaxCharacterBytes * minLength
                && end - start - CountContinuations(buffer.AsSpan(start, end - start)) < minLength)
            {
                continue;
            }

            int from = start, characters = 0;
            bool hasOther = false;
            for (int at = start; at < end;)
            {
                if (buffer[at] < 0x80)
                {
                    // Those of a run are printable.
                    characters++;
                    at++;
                    continue;
                }

                bool isValid = Rune.DecodeFromUtf8(buffer.AsSpan(at, end - at), out Rune character, out int length)
                    == OperationStatus.Done && IsPrintable(character);
                at += length;
                if (isValid)
                {
                    characters++;
                    hasOther = true;
                    continue;
                }

                Add(window, from, at - length, characters, MemoryStringEncoding.Utf8, hasOther, found);
                (from, characters, hasOther) = (at, 0, false);
            }

            Add(window, from, end, characters, MemoryStringEncoding.Utf8, hasOther, found);
        }

        runs.Clear();
    }

    private static int CountContinuations(ReadOnlySpan<byte> bytes)
    {
        int count = 0;
        foreach (byte one in bytes)
        {
            count += (one & 0xc0) == 0x80 ? 1 : 0;
        }

        return count;
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

    private static bool IsPrintable(Rune character) =>
        Rune.GetUnicodeCategory(character) is not (UnicodeCategory.Control or UnicodeCategory.Format
            or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);

    /// <summary>Classes of 64 bytes, a bit each.</summary>
    private static class Block
    {
        /// <summary>Printable ASCII and tabs, and bytes from 0x80 on.</summary>
        public static (ulong Printable, ulong High) Classify(ref byte origin, int at)
        {
            // As signed numbers, bytes from 0x80 on are negative, and 0x7f is, too, when 1 is added.
            if (Vector512.IsHardwareAccelerated)
            {
                Vector512<byte> bytes = Vector512.LoadUnsafe(ref origin, (nuint)at);
                return ((Vector512.GreaterThan((bytes + Vector512<byte>.One).AsSByte(), Vector512.Create((sbyte)' ')).AsByte()
                    | Vector512.Equals(bytes, Vector512.Create((byte)'\t'))).ExtractMostSignificantBits(), bytes.ExtractMostSignificantBits());
            }

            (Vector256<byte> low, Vector256<byte> high) = Load(ref origin, at);
            return (Join(IsPrintable(low), IsPrintable(high)), Join(low, high));

            static Vector256<byte> IsPrintable(Vector256<byte> bytes) =>
                Vector256.GreaterThan((bytes + Vector256<byte>.One).AsSByte(), Vector256.Create((sbyte)' ')).AsByte()
                | Vector256.Equals(bytes, Vector256.Create((byte)'\t'));
        }

        public static ulong Zeros(ref byte origin, int at)
        {
            if (Vector512.IsHardwareAccelerated)
            {
                return Vector512.Equals(Vector512.LoadUnsafe(ref origin, (nuint)at), Vector512<byte>.Zero).ExtractMostSignificantBits();
            }

            (Vector256<byte> low, Vector256<byte> high) = Load(ref origin, at);
            return Join(Vector256.Equals(low, Vector256<byte>.Zero), Vector256.Equals(high, Vector256<byte>.Zero));
        }

        /// <summary>Bytes of characters but their first: 0x80 to 0xbf.</summary>
        public static ulong Continuations(ref byte origin, int at)
        {
            const sbyte end = -64;
            if (Vector512.IsHardwareAccelerated)
            {
                return Vector512.LessThan(Vector512.LoadUnsafe(ref origin, (nuint)at).AsSByte(), Vector512.Create(end))
                    .AsByte().ExtractMostSignificantBits();
            }

            (Vector256<byte> low, Vector256<byte> high) = Load(ref origin, at);
            return Join(Vector256.LessThan(low.AsSByte(), Vector256.Create(end)).AsByte(),
                Vector256.LessThan(high.AsSByte(), Vector256.Create(end)).AsByte());
        }

        /// <summary>Bytes with a bit set.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static ulong Bits(ref byte origin, int at, int bit)
        {
            if (Vector512.IsHardwareAccelerated)
            {
                return (Vector512.LoadUnsafe(ref origin, (nuint)at).AsUInt16() << (7 - bit)).AsByte().ExtractMostSignificantBits();
            }

            (Vector256<byte> low, Vector256<byte> high) = Load(ref origin, at);
            return Join((low.AsUInt16() << (7 - bit)).AsByte(), (high.AsUInt16() << (7 - bit)).AsByte());
        }

        private static (Vector256<byte> Low, Vector256<byte> High) Load(ref byte origin, int at) =>
            (Vector256.LoadUnsafe(ref origin, (nuint)at), Vector256.LoadUnsafe(ref origin, (nuint)at + 32));

        private static ulong Join(Vector256<byte> low, Vector256<byte> high) =>
            low.ExtractMostSignificantBits() | (ulong)high.ExtractMostSignificantBits() << 32;
    }
}
