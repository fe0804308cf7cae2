using System.Buffers;
using System.Globalization;
using System.Text;

namespace MemProc;

/// <summary>Reads memory word by word and follows each word as long as it points to mapped memory.</summary>
/// <param name="process">The process or core.</param>
/// <param name="reader">Reads its memory. Unless it reads resident pages only, pages are faulted in.</param>
/// <param name="cancellation">Stops the work.</param>
public sealed class TelescopeReader(MemoryTarget process, MemoryReader reader, CancellationToken cancellation = default)
{
    /// <summary>Number of pointers that are followed where nothing else is specified.</summary>
    public const int DefaultDepth = 4;

    /// <summary>Maximum number of pointers that are followed.</summary>
    public const int MaxDepth = 32;

    /// <summary>Words that are read where no length is specified.</summary>
    public const int DefaultWords = 16;

    /// <summary>Words that are read, and then resolved, at a time.</summary>
    private const int BatchWords = 64;

    /// <summary>Bytes that are read where a pointer points to.</summary>
    private const int PeekBytes = 64;

    /// <summary>Minimum number of characters of a text.</summary>
    private const int MinTextLength = 4;

    private readonly int _wordBytes = DataModel.Of(process).PointerBytes;

    /// <summary>Number of pointers that are followed from each word.</summary>
    public int Depth { get; init; } = DefaultDepth;

    /// <summary>
    /// Read everything when <see cref="Read"/> is called, for a process that is stopped only then. Symbols are read later.
    /// </summary>
    public bool ReadsAhead { get; init; }

    /// <summary>Called once for each reason why names may be missing.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>The length of memory that is read where none is specified.</summary>
    public ulong DefaultLength => (ulong)(DefaultWords * _wordBytes);

    /// <summary>Maximum number of bytes that <see cref="Read"/> keeps with <see cref="ReadsAhead"/>.</summary>
    /// <param name="length">The bytes of the range.</param>
    public UInt128 MaxBytes(ulong length) => (UInt128)length / (ulong)_wordBytes * (ulong)(Depth + 1) * PeekBytes;

    /// <summary>Reads the words that begin in a range.</summary>
    /// <param name="address">First address; it need not be aligned.</param>
    /// <param name="length">Bytes, at least 1.</param>
    /// <exception cref="MemProcException">
    /// ReadMaps, ReadMemory: EINVAL for an impossible range; no access; ESRCH where the process exits. A word that cannot be
    /// read is no error, unless it is the first one.
    /// </exception>
    public IEnumerable<TelescopeWord> Read(ulong address, ulong length)
    {
        IEnumerable<RawWord[]> batches = Batches(address, length);
        return Describe(ReadsAhead ? [.. batches] : batches, address);
    }

    private IEnumerable<RawWord[]> Batches(ulong address, ulong length)
    {
        ulong end = UserRange.End(address, length, Operation.ReadMemory);
        Places places = new([.. MapReader.Read(process, cancellation)]);
        for (ulong at = address; at < end;)
        {
            cancellation.ThrowIfCancellationRequested();
            ulong start = at;
            int words = (int)Math.Min((end - at + (ulong)_wordBytes - 1) / (ulong)_wordBytes, BatchWords);
            // Many small reads are faster as one piece of work.
            RawWord[] batch = reader.Abandonable(() => ReadBatch(start, words, places));
            if (at == address && batch is [{ Gap: { Kind: not (MemoryGapKind.NotResident or MemoryGapKind.NotSaved) } gap }, ..])
            {
                throw reader.Unreadable(address, length, gap with { Length = Math.Min(gap.Length, length) });
            }

            yield return batch;
            at += (ulong)(words * _wordBytes);
        }
    }

    private RawWord[] ReadBatch(ulong start, int words, Places places)
    {
        byte[] bytes = new byte[words * _wordBytes];
        IReadOnlyList<MemoryGap> gaps = reader.ReadHere(start, bytes);
        RawWord[] batch = new RawWord[words];
        for (int index = 0; index < words; index++)
        {
            ulong address = start + (ulong)(index * _wordBytes);
            MemoryGap? gap = gaps.FirstOrDefault(gap => gap.Address < address + (ulong)_wordBytes && gap.End > address);
            ReadOnlySpan<byte> word = bytes.AsSpan(index * _wordBytes, _wordBytes);
            ulong number = Word(word);
            batch[index] = gap is not null ? new RawWord(address, null, null, [], gap)
                : new RawWord(address, number, places.At(number) is null ? WholeText(word) : null, Follow(number, places), null);
        }

        return batch;
    }

    /// <summary>Follows a pointer. Each address is visited once, so that cycles end.</summary>
    private TelescopeStop[] Follow(ulong pointer, Places places)
    {
        List<TelescopeStop> stops = [];
        byte[] bytes = new byte[PeekBytes];
        for (int step = 0; step < Depth && places.At(pointer) is ProcMap map; step++)
        {
            TelescopeStop stop = new() { Address = pointer, Permissions = map.Permissions };
            if (stops.Exists(earlier => earlier.Address == pointer))
            {
                stops.Add(stop with { IsCycle = true });
                break;
            }

            if (map.IsExecutable || !map.IsReadable || map.Kind is ProcMapKind.Vvar or ProcMapKind.Device)
            {
                stops.Add(stop);
                break;
            }

            Span<byte> peek = bytes.AsSpan(0, (int)Math.Min(PeekBytes, map.End - pointer));
            MemoryGap? gap = reader.ReadHere(pointer, peek) is [{ } first, ..] ? first : null;
            peek = gap is null ? peek : peek[..(int)(gap.Address - pointer)];
            if (peek.Length < _wordBytes)
            {
                stops.Add(stop with { GapKind = gap?.Kind, Text = TextOf(peek) });
                break;
            }

            ulong next = Word(peek);
            bool isPointer = places.At(next) is not null;
            string? text = isPointer ? null : TextOf(peek);
            stops.Add(stop with { Number = next, Text = text });
            pointer = next;
        }

        return [.. stops];
    }

    /// <summary>Adds what addresses belong to, many at a time.</summary>
    private IEnumerable<TelescopeWord> Describe(IEnumerable<RawWord[]> batches, ulong start)
    {
        using Symbolizer symbolizer = new(process, cancellation: cancellation) { Warn = Warn };
        foreach (RawWord[] batch in batches)
        {
            Dictionary<ulong, string> locations = [];
            IEnumerable<ulong> addresses = batch.SelectMany(word => word.Chain).Select(stop => stop.Address).Distinct();
            // What is unmapped meanwhile is shown without a location.
            foreach (ResolvedAddress found in symbolizer.Resolve(addresses, _ => { }))
            {
                locations[found.Address] = found.Location;
            }

            foreach (RawWord word in batch)
            {
                yield return new TelescopeWord(process.Identity, word.Address, word.Address - start)
                {
                    Number = word.Number,
                    Text = word.Text,
                    Gap = word.Gap,
                    Chain = [.. word.Chain.Select(stop => stop with { Location = locations.GetValueOrDefault(stop.Address) })],
                };
            }
        }
    }

    private ulong Word(ReadOnlySpan<byte> bytes) =>
        _wordBytes == sizeof(ulong) ? BitConverter.ToUInt64(bytes) : BitConverter.ToUInt32(bytes);

    /// <summary>Returns the bytes of a word as text where all of them, up to zeros at the end, are printable.</summary>
    private static string? WholeText(ReadOnlySpan<byte> word)
    {
        ReadOnlySpan<byte> text = word.TrimEnd((byte)0);
        return text.Length >= MinTextLength && !text.ContainsAnyExceptInRange((byte)' ', (byte)'~')
            ? Encoding.ASCII.GetString(text)
            : null;
    }

    /// <summary>Returns the text at the start; null where it is too short, or has other characters before its NUL.</summary>
    private static string? TextOf(ReadOnlySpan<byte> bytes)
    {
        int nul = bytes.IndexOf((byte)0);
        ReadOnlySpan<byte> rest = nul < 0 ? bytes : bytes[..nul];
        StringBuilder text = new();
        int length = 0;
        while (!rest.IsEmpty)
        {
            OperationStatus status = Rune.DecodeFromUtf8(rest, out Rune character, out int consumed);
            if (status == OperationStatus.NeedMoreData && nul < 0)
            {
                break;
            }

            if (status != OperationStatus.Done || (Rune.IsControl(character) && character.Value is not ('\t' or '\n' or '\r'))
                || Rune.GetUnicodeCategory(character) is UnicodeCategory.OtherNotAssigned or UnicodeCategory.PrivateUse)
            {
                return null;
            }

            text.Append(character);
            length++;
            rest = rest[consumed..];
        }

        return length >= MinTextLength ? text.Append(nul < 0 ? "…" : string.Empty).ToString() : null;
    }

    /// <summary>A word and its chain before addresses are resolved.</summary>
    private sealed record RawWord(ulong Address, ulong? Number, string? Text, TelescopeStop[] Chain, MemoryGap? Gap);

    /// <summary>The mappings of the process, as they were at the start.</summary>
    private sealed class Places(ProcMap[] maps)
    {
        private readonly ulong[] _ends = Array.ConvertAll(maps, map => map.End);

        public ProcMap? At(ulong address)
        {
            if (address is 0 or > long.MaxValue)
            {
                return null;
            }

            int index = Array.BinarySearch(_ends, address + 1);
            index = index >= 0 ? index : ~index;
            return index < maps.Length && maps[index].Start <= address ? maps[index] : null;
        }
    }
}
