using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Disassembles the memory of a process as it is, which can differ from the file: breakpoints, patches, generated code.
/// </summary>
public sealed class ProcessDisassembler : IDisposable
{
    /// <summary>Instructions that are returned where neither a length nor a symbol says how many.</summary>
    public const ulong DefaultCount = 16;

    /// <summary>Bytes that are read at once.</summary>
    private const int PieceBytes = 64 * 1024;

    private readonly MemoryTarget _process;
    private readonly DisassemblyOptions _options;
    private readonly CancellationToken _cancellation;
    private readonly MemoryReader _reader;
    private readonly Symbolizer _symbolizer;
    private readonly Dictionary<MappedFile, LinkageNames> _linkage = [];

    /// <summary>Prepares to disassemble.</summary>
    /// <param name="process">The process or core. It has to stay open as long as this is used.</param>
    /// <param name="reader">Reads its memory.</param>
    /// <param name="options">How to disassemble.</param>
    /// <param name="warn">Called once for each reason why names may be missing, and for what was not resident.</param>
    /// <param name="cancellation">Stops the work.</param>
    public ProcessDisassembler(
        MemoryTarget process, MemoryReader reader, DisassemblyOptions options, Action<string>? warn = null,
        CancellationToken cancellation = default)
    {
        _process = process;
        _reader = reader;
        _options = options;
        _cancellation = cancellation;
        Warn = warn;
        _symbolizer = new Symbolizer(process, null, cancellation) { Warn = warn };
    }

    private Action<string>? Warn { get; }

    /// <summary>
    /// Returns the address of a symbol: of the main program, else of the one loaded file that has it. A name with a
    /// <c>!</c> is an expression.
    /// </summary>
    /// <param name="symbol">The name.</param>
    /// <exception cref="MemProcException">
    /// ResolveAddress: ENOENT where no file has it, EINVAL where several have, or the expression is not valid.
    /// </exception>
    public ulong AddressOf(string symbol)
    {
        MappedImages images = _symbolizer.Begin();
        if (symbol.Contains('!'))
        {
            return Parse(symbol).Resolve(images);
        }

        string name = AddressExpression.QuoteSymbol(symbol);
        MappedFile[] files = images.Main is MappedFile main && main.HasSymbol(symbol) ? [main]
            : [.. images.Files.Where(file => file.Images.Any(image => image.IsLoaded) && file.HasSymbol(symbol))];
        string shown = SafeText.Escape(symbol);
        return files switch
        {
            [] => throw new MemProcException(Operation.ResolveAddress, Errno.ENOENT,
                $"Process {_process.Identity}: no loaded file has a symbol {shown}.", symbol),
            [MappedFile only] => Parse($"{AddressExpression.Quote(only.Path)}!{name}").Resolve(images),
            _ => throw new MemProcException(Operation.ResolveAddress, Errno.EINVAL,
                $"Process {_process.Identity}: the symbol {shown} is ambiguous. It can be "
                + $"{string.Join("; ", files.Select(file => SafeText.Escape($"{file.Name}!{name}")))}.", symbol),
        };
    }

    /// <summary>Disassembles code from an address on.</summary>
    /// <param name="address">First address.</param>
    /// <param name="length">
    /// Bytes: the instructions that begin in them are returned. Null: as many as <paramref name="count"/> says, and
    /// without a count to the end of the symbol at the address, or <see cref="DefaultCount"/> where there is none.
    /// </param>
    /// <param name="count">Maximum number of instructions; null: any.</param>
    /// <param name="fail">Called with the error for each stretch that cannot be read; the others are disassembled.</param>
    /// <exception cref="MemProcException">
    /// Disassemble, EOPNOTSUPP: the code is not for x86. ReadMemory: EINVAL for an impossible range, and as
    /// <see cref="MemoryReader.ReadBlocks"/> throws. ReadMaps: the mappings cannot be read.
    /// </exception>
    public IEnumerable<ProcInstruction> Disassemble(
        ulong address, ulong? length, ulong? count, Action<MemProcException> fail)
    {
        ulong end = UserRange.End(address, length ?? 1, Operation.ReadMemory);
        _symbolizer.Begin();
        CodePlace start = PlaceOf(address);
        bool isSymbol = length is null && count is null && start.Symbol is not null;
        ulong most = count ?? (length is null && !isSymbol ? DefaultCount : ulong.MaxValue);
        if (length is null)
        {
            end = (ulong)UInt128.Min((UInt128)address + (UInt128)most * InstructionDecoder.MaxBytes, long.MaxValue);
        }

        InstructionReader reader = new(_options.Syntax, BitsAt(address), PlaceOf);
        Gaps gaps = new(this, address, end, length is null, fail);
        foreach (InstructionFields fields in reader.Read(Pieces(address, end, isSymbol, gaps), end))
        {
            _cancellation.ThrowIfCancellationRequested();
            if (isSymbol && !fields.Place.IsSameAs(start))
            {
                break;
            }

            yield return new ProcInstruction(_process.Identity, fields);
            if (--most == 0)
            {
                break;
            }
        }

        gaps.WarnOfAbsent();
    }

    /// <summary>Finds the instruction that has just accessed memory, and where it is.</summary>
    /// <param name="pointer">The instruction pointer that the processor reported.</param>
    /// <param name="afterwards">The processor reports an access after the instruction, as those of x86 do.</param>
    /// <returns>
    /// The instruction, null where it is not certain; what it does with memory; and its place, or that of the pointer.
    /// </returns>
    /// <exception cref="MemProcException">ReadMaps, ReadMemory: the code cannot be read.</exception>
    internal (ProcInstruction? Instruction, InstructionAccess? Access, string? Location) FindAccess(ulong pointer, bool afterwards)
    {
        _symbolizer.Begin();
        CodePlace place = PlaceOf(afterwards ? pointer - 1 : pointer);
        if (!afterwards)
        {
            return (null, null, LocationOf(pointer, place));
        }

        if (PlaceOf(pointer).SymbolStart == pointer)
        {
            // A call has written its return address; what precedes the function has nothing to do with it.
            return (null, null, LocationOf(pointer, PlaceOf(pointer)));
        }

        ulong mapStart = _symbolizer.PlaceOf(pointer - 1).Map?.Start ?? pointer;
        // Functions are decoded from their start, unless they are long.
        bool isBoundary = place.SymbolStart is ulong symbol && symbol < pointer && pointer - symbol <= PieceBytes;
        ulong start = isBoundary ? place.SymbolStart!.Value : Math.Max(mapStart, pointer - Math.Min(pointer, InstructionLocator.LookBehind));
        byte[] code = new byte[(int)(pointer - start) + InstructionDecoder.MaxBytes];
        int known = _reader.Read(start, code.AsMemory()) is [{ } gap, ..] ? (int)(gap.Address - start) : code.Length;
        if ((ulong)known < pointer - start
            || InstructionLocator.Find(code.AsMemory(0, known), start, isBoundary, pointer, BitsAt(pointer - 1)) is not { } found)
        {
            return (null, null, LocationOf(pointer, PlaceOf(pointer)));
        }

        ProcInstruction? instruction = Disassemble(found.Address, null, 1, _ => { }).FirstOrDefault();
        return (instruction, found.Access, LocationOf(found.Address, PlaceOf(found.Address)));
    }

    /// <inheritdoc/>
    public void Dispose() => _symbolizer.Dispose();

    private static string? LocationOf(ulong address, CodePlace place) => place.NameOf(address)
        ?? (place.Path.Length == 0 ? null : Path.GetFileName(place.Path));

    private static AddressExpression Parse(string symbol)
    {
        try
        {
            return AddressExpression.Parse(symbol);
        }
        catch (FormatException error)
        {
            throw new MemProcException(Operation.ResolveAddress, Errno.EINVAL, error.Message, symbol);
        }
    }

    /// <summary>Reads the code of a range and the bytes after it that the last instruction can need.</summary>
    private IEnumerable<CodePiece> Pieces(ulong address, ulong end, bool byPage, Gaps gaps)
    {
        ulong readEnd = Math.Min(end + InstructionDecoder.MaxBytes - 1, long.MaxValue);
        using ReadableRanges readable = _reader.ReadableBetween(address, readEnd);
        byte[] buffer = new byte[(int)Math.Min(readEnd - address, byPage ? MachinePage.SizeBytes : PieceBytes)];
        for (ulong at = address; at < readEnd;)
        {
            int size = (int)Math.Min(readEnd - at, (ulong)buffer.Length - at % (ulong)buffer.Length);
            List<MemoryGap> found = [];
            ulong covered = _reader.Fill(at, buffer.AsMemory(0, size), readable, found);
            ulong known = at;
            foreach (MemoryGap gap in found)
            {
                if (gap.Address > known)
                {
                    yield return new CodePiece(known, buffer.AsMemory((int)(known - at), (int)(gap.Address - known)));
                }

                // What is before the gap is decoded first: it can be all that is asked for.
                yield return new CodePiece(gap.Address, default);
                if (gap.Address >= end || !gaps.Add(gap))
                {
                    yield break;
                }

                known = gap.End;
            }

            if (known < at + (ulong)size)
            {
                yield return new CodePiece(known, buffer.AsMemory((int)(known - at), (int)(at + (ulong)size - known)));
            }

            at += covered;
        }
    }

    /// <summary>The bits of the code at an address.</summary>
    private int BitsAt(ulong address)
    {
        if (_options.Bits is int bits)
        {
            return bits;
        }

        if (_symbolizer.PlaceOf(address).Image is { File.Elf: ElfFile elf } image)
        {
            return InstructionReader.BitsOf(elf.Header.Machine, $"{SafeText.Escape(image.File.Path)} in process {_process.Identity}");
        }

        if (_process is CoreFile core)
        {
            return InstructionReader.BitsOf(core.Machine, $"{SafeText.Escape(core.CorePath!)}");
        }

        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            throw InstructionReader.Unsupported(
                RuntimeInformation.ProcessArchitecture.ToString(), $"Process {_process.Identity}");
        }

        return DataModel.Of(_process) == DataModel.I386 ? 32 : 64;
    }

    private CodePlace PlaceOf(ulong address)
    {
        SymbolPlace place = _symbolizer.PlaceOf(address);
        if (place is { Symbol: null, Section: ElfSection section, Image: { File.Elf: ElfFile elf } image }
            && image.ImageAddressOf(address) is ulong known)
        {
            if (!_linkage.TryGetValue(image.File, out LinkageNames? names))
            {
                _linkage[image.File] = names = LinkageNames.Read(elf, _cancellation);
            }

            place = place with { Symbol = names.At(known, section) };
        }

        return new CodePlace(place.Map?.Path ?? string.Empty, null, place.Image?.File.Name, place.Section, place.Symbol,
            place.SymbolStart);
    }

    /// <summary>The gaps of one range: errors, and a warning for what was not resident.</summary>
    private sealed class Gaps(
        ProcessDisassembler owner, ulong address, ulong end, bool isOpen, Action<MemProcException> fail)
    {
        private ulong _absentBytes;
        private int _absent;

        /// <summary>Adds a gap that the decoding has come to.</summary>
        /// <returns>Whether there is something to read after it: a range without a length ends at a gap.</returns>
        public bool Add(MemoryGap gap)
        {
            MemoryGap inRange = gap with { Length = Math.Min(gap.End, end) - gap.Address };
            if (gap.Kind == MemoryGapKind.NotResident || (gap.Kind == MemoryGapKind.NotSaved && owner._reader.ResidentOnly))
            {
                _absentBytes += inRange.Length;
                _absent++;
            }
            else
            {
                fail(owner._reader.Unreadable(address, end - address, inRange));
            }

            return !isOpen;
        }

        public void WarnOfAbsent()
        {
            if (_absent > 0)
            {
                owner.Warn?.Invoke($"Process {owner._process.Identity}: {HumanSize.Format(_absentBytes)} at 0x{address:x} and "
                    + $"after it, in {_absent} {(_absent == 1 ? "stretch" : "stretches")}, are not in memory and were not "
                    + "disassembled, as only resident pages were requested.");
            }
        }
    }
}
