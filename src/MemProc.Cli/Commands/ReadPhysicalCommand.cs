using System.CommandLine;
using System.Text;
using MemProc.Interop;

namespace MemProc.Cli;

/// <summary><c>memproc read-physical</c>: reads RAM by physical address.</summary>
internal sealed class ReadPhysicalCommand : CliCommand
{
    private readonly Argument<ulong> _address = CommandOptions.PhysicalAddress(
        "Physical address of the first byte; with --frame a frame number");

    private readonly Argument<ulong?> _length =
        CommandOptions.Length("Number of bytes: 64, 0x40, 4K, 16M; up to the end of the page if omitted");

    private readonly Option<bool> _frame = CommandOptions.Switch("--frame", "ADDRESS is a frame number");
    private readonly Option<bool> _raw = CommandOptions.Switch("--raw", "Write raw bytes, to a pipe or file");
    private readonly Option<string?> _out = CommandOptions.Option("--out", "FILE", "Write to a file, of any size", text => text);
    private readonly Option<bool> _force = CommandOptions.Switch("--force", "Replace the file of --out");
    private readonly Option<bool> _text = CommandOptions.Switch("--text", "Read as UTF-8 text, up to the first NUL");

    private readonly Option<MemoryType?> _type = CommandOptions.Option<MemoryType?>("--type", "TYPE",
        "Read as values: int32, uint16be, pointer, char[16] (a text), int32[4]", MemoryType.Parse);

    private readonly Option<ulong?> _count = CommandOptions.Option<ulong?>(
        "--count", "VALUES", "Number of values of --type", text => NumberParser.ParseCount(text));

    private readonly Option<KernelReadSource?> _source = CommandOptions.KernelSource();

    private readonly Option<bool> _allLines = CommandOptions.AllLines();

    public ReadPhysicalCommand()
        : base("read-physical", "Reads RAM by physical address. The default form is a hex dump. Requires root.",
            "memproc read-physical 0xcd8c000 64",
            "memproc read-physical --frame 0xcd8c",
            "memproc read-physical 0x1000000 16M --out kernel.bin")
    {
        Arguments.Add(_address);
        Arguments.Add(_length);
        foreach (Option option in (Option[])[_frame, _raw, _out, _force, _text, _type, _count, _source, _allLines])
        {
            Options.Add(option);
        }
    }

    protected override string? Validate(ParseResult parseResult)
    {
        Option[] forms = [_raw, _out, _text, _type];
        return forms.Count(form => parseResult.Has(form)) > 1 ? "Specify only one of --raw, --out, --text and --type."
            : parseResult.Has(_raw) && parseResult.Has(Json) ? "--raw cannot be combined with --json."
            : parseResult.Has(_raw) && !Console.IsOutputRedirected
            ? "--raw cannot write to a terminal: redirect standard output, or use --out."
            : parseResult.Has(_force) && !parseResult.Has(_out) ? "--force requires --out."
            : parseResult.Has(_count) && !parseResult.Has(_type) ? "--count requires --type."
            : parseResult.Has(_length) && parseResult.Has(_type) ? "--type takes the number of values by --count, not LENGTH."
            : null;
    }

    protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        using PhysicalMemoryReader reader = new(
            parseResult.GetValue(_source) ?? KernelReadSource.Auto, cancellation: cancellation);
        reader.Prepare();
        ulong address = parseResult.GetValue(_address) * (parseResult.GetValue(_frame) ? MachinePage.SizeBytes : 1);
        ulong length = parseResult.GetValue(_length) ?? MachinePage.SizeBytes - address % MachinePage.SizeBytes;
        if (parseResult.GetValue(_type) is MemoryType type)
        {
            Column<PhysicalValue>[] columns =
            [
                new("Address", -18, value => ConsoleFormat.Hex(value.PhysicalAddress)),
                new("Value", 0, value => ValueText.Format(value.Value, type)),
            ];
            output.WriteTable(columns, reader.Values(
                address, type, parseResult.GetValue(_count) ?? 1, isBigEndian: false, Encoding.UTF8)
                .Select((value, index) => new PhysicalValue(
                    address + (ulong)index * (ulong)type.SizeBytes, type.ToString(), JsonValue.Of(value, type))));
        }
        else if (parseResult.GetValue(_text))
        {
            string text = reader.ReadText(address, length, Encoding.UTF8, out _);
            output.Write(new PhysicalText(address, text), SafeText.Escape(text));
        }
        else if (parseResult.GetValue(_out) is string path)
        {
            Save(parseResult, reader, address, length, path, output);
        }
        else
        {
            WriteBlocks(reader.ReadBlocks(address, length), address, length, parseResult, output, cancellation);
        }
    }

    private void WriteBlocks(IEnumerable<PhysicalMemoryBlock> blocks, ulong address, ulong length, ParseResult parseResult,
        Output output, CancellationToken cancellation)
    {
        bool isRaw = parseResult.GetValue(_raw);
        foreach (PhysicalMemoryBlock block in blocks)
        {
            // Raw bytes cannot represent a gap, so they end at the first one with an error.
            MemoryGap? gap = block.Gaps is [{ } first, ..] ? first : null;
            if (isRaw)
            {
                output.WriteBytes(gap is null ? block.Bytes : block.Bytes.AsSpan(0, (int)Math.Min(
                    gap.Address - block.PhysicalAddress, (ulong)block.Bytes.Length)));
            }

            if (gap is not null && (isRaw || (block.Bytes.Length == 0 && block.Length == length)))
            {
                throw PhysicalMemoryReader.Unreadable(address, length, gap);
            }

            if (output.IsJson)
            {
                output.WriteJson(block);
            }
            else if (!isRaw)
            {
                IEnumerable<string> lines = HexDump.Lines(block.PhysicalAddress, block.Bytes, block.Length, block.Gaps);
                foreach (string line in parseResult.GetValue(_allLines) ? lines : HexDump.Fold(lines))
                {
                    cancellation.ThrowIfCancellationRequested();
                    output.WriteLine(line);
                }
            }
        }
    }

    private void Save(
        ParseResult parseResult, PhysicalMemoryReader reader, ulong address, ulong length, string path, Output output)
    {
        try
        {
            PhysicalMemoryFile file = PhysicalMemoryFile.Save(
                reader, address, length, path, parseResult.GetValue(_force), _ => { });
            if (output.IsJson)
            {
                output.WriteJson(file);
                return;
            }

            output.WriteLine($"Saved {HumanSize.Format(file.Length)} of physical memory at 0x{file.PhysicalAddress:x} to "
                + $"{SafeText.Escape(file.Path)}.");
            foreach (MemoryGap gap in file.Gaps)
            {
                output.WriteLine(gap.ToString());
            }
        }
        catch (MemProcException error) when (error.Errno == Errno.EEXIST && !parseResult.GetValue(_force))
        {
            output.Fail($"{error.Message} Use --force to replace it.");
        }
    }
}
