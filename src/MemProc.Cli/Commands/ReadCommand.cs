using System.CommandLine;
using System.Globalization;
using System.Text;
using MemProc.Interop;

namespace MemProc.Cli;

/// <summary><c>memproc read</c>: reads the memory of a process.</summary>
internal sealed class ReadCommand : TargetCommand
{
    private readonly Argument<AddressExpression?> _address = CommandOptions.Address("Address of the first byte");
    private readonly Argument<ulong?> _length = CommandOptions.Length("Number of bytes: 64, 0x40, 4K, 16M; optional with --type, and for a symbol");

    private readonly Option<ReadMethod?> _method = CommandOptions.EnumOption<ReadMethod>(
        "--method", "METHOD", "How to read; mem also reads pages that the process itself cannot read");

    private readonly Option<bool> _stop = CommandOptions.Switch("--stop", "Stop the process while it is read, so that the bytes "
        + "are consistent. Interrupts system calls in which its threads wait");

    private readonly Option<bool> _residentOnly = CommandOptions.Switch(
        "--resident-only", "Read only resident pages, so that none is faulted in; the rest is a gap");

    private readonly Option<bool> _allowUserfault = CommandOptions.AllowUserfault();

    private readonly Option<int?> _dereference = CommandOptions.Option<int?>(
        "--dereference", "POINTERS", "Number of pointers to follow from ADDRESS first", text => Steps(text));

    private readonly Option<bool> _raw = CommandOptions.Switch("--raw", "Write raw bytes, to a pipe or file");
    private readonly Option<string?> _out = CommandOptions.Option("--out", "FILE", "Write to a file, of any size", text => text);
    private readonly Option<bool> _force = CommandOptions.Switch("--force", "Replace the file of --out");
    private readonly Option<bool> _text = CommandOptions.Switch("--text", "Read as UTF-8 text, up to the first NUL");

    private readonly Option<MemoryType?> _type = CommandOptions.Option<MemoryType?>("--type", "TYPE",
        "Read as values: int32, uint16be, pointer, char[16] (a text), int32[4], char* (the text it points to)", MemoryType.Parse);

    private readonly Option<MemoryLayout?> _layout = CommandOptions.Option<MemoryLayout?>("--layout", "FIELDS",
        "Read as structs: 'int32 pid; char[16] name; pointer next', laid out as in C, or with @offset", MemoryLayout.Parse);

    private readonly Option<ulong?> _count = CommandOptions.Option<ulong?>(
        "--count", "VALUES", "Number of values of --type or --layout", text => NumberParser.ParseCount(text));

    private readonly Option<ulong?> _stride = CommandOptions.Option<ulong?>(
        "--stride", "BYTES", "Distance between structs; the size of --layout if omitted", text => NumberParser.ParseLength(text));

    private readonly Option<bool> _bigEndian = CommandOptions.Switch("--big-endian", "Numbers are big-endian");

    private ulong? _symbolSize;

    private readonly Option<bool> _allLines = CommandOptions.AllLines();

    public ReadCommand()
        : base("read", "Reads the memory of a process. The default form is a hex dump.",
            "memproc read 1234 0x7ffd2de47000 64",
            "memproc read 1234 0x7ffd2de47000 --type int32 --count 4",
            "memproc read 1234 0x7ffd2de47000 --layout 'int32 pid; char[16] name; pointer next' --stop",
            "memproc read 1234 0x7ffd2de47000 256 --text --dereference 1",
            "memproc read 1234 0x7ffd2de47000 16M --out stack.bin",
            "memproc read 1234 0x7ffd2de47000 4K --raw | strings")
    {
        Arguments.Add(_address);
        Arguments.Add(_length);
        foreach (Option option in (Option[])[_method, _stop, _residentOnly, _allowUserfault, _dereference, _raw, _out, _force, _text, _type,
            _layout, _count, _stride, _bigEndian, _allLines])
        {
            Options.Add(option);
        }
    }

    protected override string? Validate(ParseResult parseResult)
    {
        Option[] forms = [_raw, _out, _text, _type, _layout];
        bool isTyped = parseResult.Has(_type) || parseResult.Has(_layout);
        return forms.Count(form => parseResult.Has(form)) > 1 ? "Specify only one of --raw, --out, --text, --type and --layout."
            : parseResult.Has(_raw) && parseResult.Has(Json) ? "--raw cannot be combined with --json."
            : parseResult.Has(_raw) && !Console.IsOutputRedirected
            ? "--raw cannot write to a terminal: redirect standard output, or use --out."
            : parseResult.Has(_force) && !parseResult.Has(_out) ? "--force requires --out."
            : parseResult.Has(_count) && !isTyped ? "--count requires --type or --layout."
            : parseResult.Has(_bigEndian) && !isTyped ? "--big-endian requires --type or --layout."
            : parseResult.Has(_stride) && !parseResult.Has(_layout) ? "--stride requires --layout."
            : parseResult.Has(_length) && parseResult.Has(_layout) ? "--layout takes the number of structs by --count, not LENGTH."
            : parseResult.Has(_count) && parseResult.Has(_length) ? "Specify LENGTH or --count, not both."
            : !parseResult.Has(_length) && !isTyped && !IsSized(parseResult) ? "Specify LENGTH, the number of bytes."
            : parseResult.GetValue(_type) is MemoryType type && parseResult.GetValue(_length) is ulong length
                && length % (ulong)type.For(DataModel.I386).SizeBytes != 0
            ? $"LENGTH is not a multiple of the {type.SizeBytes} bytes of {type}."
            : null;
    }

    protected override void Run(
        MemoryTarget process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        MemoryReader reader = new(process, parseResult.GetValue(_method) ?? ReadMethod.Auto, cancellation)
        {
            ResidentOnly = parseResult.GetValue(_residentOnly),
            AllowUserfault = parseResult.GetValue(_allowUserfault),
        };
        // Before the process is stopped: a file whose symbols are read can be one that the process itself serves.
        using AddressResolution resolution = new(process, cancellation);
        AddressExpression address = parseResult.GetValue(_address)!.Value;
        ulong start = resolution.Resolve(address);
        _symbolSize = parseResult.Has(_length) || !IsSized(parseResult) ? null
            : resolution.SizeOf(address) ?? (parseResult.Has(_type) || parseResult.Has(_layout) ? null : throw new MemProcException(
                Operation.ReadMemory, Errno.EINVAL, $"The symbol {address} has no size. Specify LENGTH, the number of bytes.", start));
        if (!parseResult.GetValue(_stop))
        {
            Read(parseResult, process, reader, start, output, cancellation)();
            return;
        }

        LinuxProcess live = Live(process, "--stop");
        output.WarnBeforeStop();
        // Nothing is written while the process is stopped: the reader of standard output can take long.
        Func<IEnumerable<Action>> read = () => [Read(parseResult, process, reader, start, output, cancellation)];
        foreach ((IEnumerable<Action> writes, MemProcException? failure) in
            StoppedRead.Run(live, RetainedBytes(parseResult), [read], cancellation))
        {
            foreach (Action write in failure is null ? writes : throw failure)
            {
                write();
            }
        }
    }

    /// <summary>
    /// Reads in the requested form, and returns what writes the result. With --stop all is read when this returns, else
    /// while it is written.
    /// </summary>
    private Action Read(
        ParseResult parseResult, MemoryTarget process, MemoryReader reader, ulong start, Output output,
        CancellationToken cancellation)
    {
        bool isHeld = parseResult.GetValue(_stop);
        ulong[] path = PointerPath.Follow(process, reader, start, parseResult.GetValue(_dereference) ?? 0);
        ulong address = path[^1];
        ulong length = parseResult.GetValue(_length) ?? _symbolSize ?? 0;
        TypedReader typed = new(process, reader) { IsBigEndian = parseResult.GetValue(_bigEndian), ReadsAhead = isHeld };
        if (parseResult.GetValue(_type)?.For(DataModel.Of(process)) is MemoryType type)
        {
            if (parseResult.Has(_length) && length % (ulong)type.SizeBytes != 0)
            {
                throw new MemProcException(Operation.ReadMemory, Errno.EINVAL,
                    $"LENGTH is not a multiple of the {type.SizeBytes} bytes of {type}.", address);
            }

            IEnumerable<object?> values = typed.Values(address, type, Count(parseResult, type));
            return () => ReadOutput.WriteValues(output, process.Id, address, type, values);
        }

        if (parseResult.GetValue(_layout) is MemoryLayout layout)
        {
            IEnumerable<MemoryRecord> records = typed.Records(
                address, layout, parseResult.GetValue(_count) ?? 1, parseResult.GetValue(_stride));
            return () => ReadOutput.WriteRecords(output, records);
        }

        if (parseResult.GetValue(_text))
        {
            ReadText text = new(process.Id, address, reader.ReadText(address, length, Encoding.UTF8));
            return () => output.Write(text, SafeText.Escape(text.Text));
        }

        if (parseResult.GetValue(_out) is string file)
        {
            return ReadOutput.Save(process, reader, address, length, file, parseResult.GetValue(_force), output);
        }

        ulong[]? pointers = path.Length > 1 ? path : null;
        bool isRaw = parseResult.GetValue(_raw);
        IEnumerable<MemoryBlock> blocks = isRaw
            ? reader.ReadBlocks(address, length, pointers)
            : reader.ReadReadableBlocks(address, length, pointers);
        blocks = isHeld ? [.. blocks] : blocks;
        return isRaw
            ? () => ReadOutput.WriteRaw(output, reader, blocks, address, length)
            : () => ReadOutput.WriteBlocks(output, blocks, parseResult.GetValue(_allLines), cancellation);
    }

    private UInt128 RetainedBytes(ParseResult parseResult) =>
        parseResult.GetValue(_type) is MemoryType type ? TypedReader.MaxBytes(type, Count(parseResult, type))
        : parseResult.GetValue(_layout) is MemoryLayout layout ? TypedReader.MaxBytes(
            layout, parseResult.GetValue(_count) ?? 1, parseResult.GetValue(_stride) ?? (ulong)layout.SizeBytes)
        : parseResult.Has(_out) ? 0
        : parseResult.GetValue(_length) ?? _symbolSize ?? 0;

    /// <summary>The address is a symbol, whose size is the length; that of a pointer is not what it points to.</summary>
    private bool IsSized(ParseResult parseResult) =>
        parseResult.GetValue(_address)?.IsSymbol == true && parseResult.GetValue(_dereference) is null or 0;

    private ulong Count(ParseResult parseResult, MemoryType type) =>
        parseResult.GetValue(_count) ?? (parseResult.GetValue(_length) ?? (ulong)type.SizeBytes) / (ulong)type.SizeBytes;

    /// <exception cref="FormatException">It is not a number of pointers that can be followed.</exception>
    private static int Steps(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int steps)
            && steps <= PointerPath.MaxPointers
        ? steps
        : throw new FormatException($"'{SafeText.Escape(text)}' is not a valid number of pointers: 0 to {PointerPath.MaxPointers}.");
}
