using System.CommandLine;
using System.Globalization;
using System.Text;

namespace MemProc.Cli;

/// <summary><c>memproc read</c>: bytes of a process.</summary>
internal sealed class ReadCommand : CliCommand
{
    private static readonly Column<ReadValue>[] ValueColumns =
    [
        new("Address", -18, value => Show.Hex(value.Address)),
        new("Value", 0, value => Convert.ToString(value.Value, CultureInfo.InvariantCulture) ?? string.Empty),
    ];

    private readonly Argument<int> _process = Given.Process();
    private readonly Argument<ProcAddress?> _address = Given.Address("The first byte");
    private readonly Argument<ulong?> _length = Given.Length("How many bytes: 64, 0x40, 4K, 16M; with --type optional");

    private readonly Option<ReadMethod?> _method = Given.Word<ReadMethod>(
        "--method", "METHOD", "How to read; mem also reads pages that the process itself may not");

    private readonly Option<bool> _raw = Given.Switch("--raw", "The bytes as they are, to a pipe or file");
    private readonly Option<string?> _out = Given.Option("--out", "FILE", "Into a file, any size", text => text);
    private readonly Option<bool> _force = Given.Switch("--force", "Replace the file of --out");
    private readonly Option<bool> _text = Given.Switch("--text", "As UTF-8 text, up to the first NUL");
    private readonly Option<MemoryValueType?> _type = Given.Word<MemoryValueType>("--type", "TYPE", "As numbers");
    private readonly Option<ulong?> _count = Given.Option<ulong?>(
        "--count", "VALUES", "How many numbers of --type", text => Numbers.Count(text));

    public ReadCommand()
        : base("read", "Reads memory of a process; shown as a hex dump unless another form is asked for.",
            "memproc read 1234 0x7ffd2de47000 64",
            "memproc read 1234 0x7ffd2de47000 --type int32 --count 4",
            "memproc read 1234 0x7ffd2de47000 16M --out stack.bin",
            "memproc read 1234 0x7ffd2de47000 4K --raw | strings")
    {
        Arguments.Add(_process);
        Arguments.Add(_address);
        Arguments.Add(_length);
        Options.Add(_method);
        Options.Add(_raw);
        Options.Add(_out);
        Options.Add(_force);
        Options.Add(_text);
        Options.Add(_type);
        Options.Add(_count);
    }

    protected override string? Fault(ParseResult given)
    {
        Option[] forms = [_raw, _out, _text, _type];
        return forms.Count(form => given.Has(form)) > 1 ? "Give one of --raw, --out, --text and --type."
            : given.Has(_raw) && given.Has(Json) ? "--raw and --json are two forms: give one of them."
            : given.Has(_raw) && !Console.IsOutputRedirected
            ? "Raw bytes are not for a terminal: redirect them, or give --out."
            : given.Has(_force) && !given.Has(_out) ? "--force is about the file of --out."
            : given.Has(_count) && !given.Has(_type) ? "--count is about the numbers of --type."
            : given.Has(_count) && given.Has(_length) ? "Give LENGTH or --count, not both."
            : !given.Has(_length) && !given.Has(_type) ? "Give LENGTH: how many bytes to read."
            : given.GetValue(_type) is MemoryValueType type && given.GetValue(_length) is ulong length
                && length % (ulong)MemoryValue.SizeOf(type) != 0
            ? $"LENGTH is no multiple of the {MemoryValue.SizeOf(type)} bytes of {Words.Of(type)}."
            : given.GetValue(_count) > ulong.MaxValue / sizeof(ulong)
            ? $"--count: so many numbers are more than an address space has."
            : null;
    }

    protected override void Run(ParseResult given, Output output, CancellationToken cancellation)
    {
        using LinuxProcess process = LinuxProcess.Open(given.GetValue(_process));
        ulong address = given.GetValue(_address)!.Resolve(process);
        MemoryReader reader = new(process, given.GetValue(_method) ?? ReadMethod.Auto, cancellation);
        ulong length = given.GetValue(_length) ?? 0;
        if (given.GetValue(_type) is MemoryValueType type)
        {
            length = length > 0 ? length : (given.GetValue(_count) ?? 1) * (ulong)MemoryValue.SizeOf(type);
            byte[] bytes = reader.ReadWhole(address, length);
            output.WriteTable(ValueColumns, ReadValue.Decode(process.Id, address, bytes, type));
        }
        else if (given.GetValue(_text))
        {
            ReadText text = new(process.Id, address, reader.ReadText(address, length, Encoding.UTF8));
            output.Write(text, SafeText.Escape(text.Text));
        }
        else if (given.GetValue(_out) is string path)
        {
            Save(process, reader, address, length, path, given.GetValue(_force), output);
        }
        else if (given.GetValue(_raw))
        {
            WriteRaw(reader, address, length, output);
        }
        else
        {
            WriteBlocks(reader, address, length, output, cancellation);
        }
    }

    private static void WriteBlocks(
        MemoryReader reader, ulong address, ulong length, Output output, CancellationToken cancellation)
    {
        foreach (MemoryBlock block in reader.ReadBlocks(address, length))
        {
            if (block.Bytes.Length == 0 && block.Length == length)
            {
                throw reader.Unreadable(address, length, block.Gaps[0]);
            }

            if (output.IsJson)
            {
                output.WriteJson(block);
                continue;
            }

            foreach (string line in HexDump.Lines(block.Address, block.Bytes, block.Length, block.Gaps))
            {
                cancellation.ThrowIfCancellationRequested();
                output.WriteLine(line);
            }
        }
    }

    /// <summary>Bytes as they are have no room for gaps: they end at the first one, with an error.</summary>
    private static void WriteRaw(MemoryReader reader, ulong address, ulong length, Output output)
    {
        foreach (MemoryBlock block in reader.ReadBlocks(address, length))
        {
            MemoryGap? gap = block.Gaps.FirstOrDefault();
            output.WriteBytes(gap is null ? block.Bytes : block.Bytes.AsSpan(0, (int)(gap.Address - block.Address)));
            if (gap is not null)
            {
                throw reader.Unreadable(address, length, gap);
            }
        }
    }

    private static void Save(
        LinuxProcess process, MemoryReader reader, ulong address, ulong length, string path, bool overwrite,
        Output output)
    {
        MemoryFile file;
        try
        {
            file = MemoryFile.Save(process, reader, address, length, path, overwrite, needAll: false, _ => { });
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            string advice = File.Exists(path) && !overwrite ? " --force replaces it." : string.Empty;
            output.Fail(SafeText.Escape(error.Message) + advice);
            return;
        }

        if (output.IsJson)
        {
            output.WriteJson(file);
            return;
        }

        output.WriteLine($"{HumanSize.Format(length)} at 0x{address:x} of process {process.Identity} are in "
            + $"{SafeText.Escape(path)}.");
        foreach (MemoryGap gap in file.Gaps)
        {
            output.WriteLine(gap.ToString());
        }
    }
}
