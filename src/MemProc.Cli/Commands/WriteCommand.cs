using System.CommandLine;
using System.Text;

namespace MemProc.Cli;

/// <summary><c>memproc write</c>: writes to the memory of a process.</summary>
internal sealed class WriteCommand : TransactionCommand
{
    private static readonly string[] Contents = ["bytes", "text", "value"];
    private static readonly string[] Fields = ["address", .. Contents, "type", "expected"];

    private readonly Argument<int> _process = CommandOptions.Process();
    private readonly Argument<AddressExpression?> _address = CommandOptions.Address("Address of the first byte", orNone: true);

    private readonly Option<byte[]?> _bytes = CommandOptions.Option(
        "--bytes", "HEX", "Write these bytes: '67 61 72' or 676172", ByteText.Parse);

    private readonly Option<string?> _text = CommandOptions.Option(
        "--text", "TEXT", "Write this text as UTF-8, without a NUL", text => text);

    private readonly Option<string[]> _value = CommandOptions.List(
        "--value", "NUMBER", "Write this number of --type, decimal or 0x hex", text => text);

    private readonly Option<MemoryValueType?> _type = CommandOptions.EnumOption<MemoryValueType>(
        "--type", "TYPE", "The type of --value");

    private readonly Option<byte[]?> _expected = CommandOptions.Option(
        "--expected", "HEX", "Write only where memory has these bytes now", ByteText.Parse);

    private readonly Option<string?> _changes = CommandOptions.Option(
        "--changes", "FILE", "Several writes, all or nothing: one JSON object per line with address; bytes, text, or value "
            + "and type; and expected. - is standard input", text => text);

    private readonly Option<bool> _force = CommandOptions.Switch(
        "--force", "Write through /proc/PID/mem where the process itself has no write permission");

    public WriteCommand()
        : base("write", "Writes to the memory of a process after confirmation.",
            "memproc write 1234 0x55d0c2a012a0 --text hello --expected '67 61 72 6c 69'",
            "memproc write 1234 0x55d0c2a012a0 --value 100 --type int32 --verify --yes",
            "memproc write 1234 0x55d0c2a012a0 --bytes 'de ad be ef' --dry-run",
            "memproc write 1234 --changes changes.jsonl --stop --yes --json > done.jsonl")
    {
        Arguments.Add(_process);
        Arguments.Add(_address);
        Options.Add(_bytes);
        Options.Add(_text);
        Options.Add(_value);
        Options.Add(_type);
        Options.Add(_expected);
        Options.Add(_changes);
        Options.Add(_force);
        AddCommonOptions();
    }

    protected override string? Validate(ParseResult parseResult)
    {
        Option[] forms = [_bytes, _text, _value, _changes];
        string? fault = forms.Count(form => parseResult.Has(form)) != 1 ? "Specify one of --bytes, --text, --value and --changes."
            : parseResult.Has(_value) != parseResult.Has(_type) ? "--value and --type require each other."
            : parseResult.Has(_changes) && parseResult.Has(_address) ? "ADDRESS cannot be combined with --changes, whose lines have addresses."
            : parseResult.Has(_changes) && parseResult.Has(_expected) ? "--expected cannot be combined with --changes, whose lines have their own."
            : !parseResult.Has(_changes) && !parseResult.Has(_address) ? "Specify ADDRESS."
            : null;
        if (fault is not null || parseResult.Has(_changes))
        {
            return fault ?? MissingConfirmation(parseResult, parseResult.GetValue(_changes));
        }

        try
        {
            return Bytes(parseResult).Length == 0 ? "An empty text has no bytes to write." : MissingConfirmation(parseResult, null);
        }
        catch (Exception error) when (error is FormatException or OverflowException)
        {
            return $"--value is not a valid {EnumNames.Of(parseResult.GetValue(_type)!.Value)}: {error.Message}";
        }
    }

    protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        bool force = parseResult.GetValue(_force);
        List<UnresolvedWrite>? changes = parseResult.Has(_changes)
            ? Read(parseResult.GetValue(_changes)!, fields => Change(fields, force), output)
            : [new UnresolvedWrite(parseResult.GetValue(_address)!.Value, Bytes(parseResult),
                parseResult.Has(_expected) ? parseResult.GetValue(_expected) : null, force)
            {
                Type = parseResult.GetValue(_type),
            }];
        if (changes is not null)
        {
            using LinuxProcess process = LinuxProcess.Open(parseResult.GetValue(_process));
            IReadOnlyList<MemoryWriteRequest> writes = UnresolvedWrite.Resolve(process, changes, cancellation);
            MemoryTransaction transaction =
                MemoryTransaction.Prepare(process, writes, AllowsUserfault(parseResult), cancellation);
            Execute(parseResult, transaction, "write", "Wrote", output, cancellation);
        }
    }

    private static UnresolvedWrite Change(JsonObjectReader fields, bool force)
    {
        if (fields.Unknown(Fields) is string name)
        {
            throw new FormatException($"'{name}' is not a valid property. Valid properties are {string.Join(", ", Fields)}.");
        }

        if (Contents.Count(fields.Has) != 1 || fields.Has("value") != fields.Has("type"))
        {
            throw new FormatException("Specify one of bytes, text, and value with type.");
        }

        MemoryValueType? type = fields.Has("type") ? EnumNames.Parse<MemoryValueType>(fields.Text("type")) : null;
        byte[] bytes = fields.Has("bytes") ? fields.Bytes("bytes")
            : fields.Has("text") ? Encoding.UTF8.GetBytes(fields.Text("text"))
            : Encode(fields.Texts("value"), type!.Value);
        return bytes.Length > 0
            ? new UnresolvedWrite(AddressExpression.Parse(fields.Text("address")), bytes,
                fields.Has("expected") ? fields.Bytes("expected") : null, force) { Type = type }
            : throw new FormatException("It has no bytes to write.");
    }

    private byte[] Bytes(ParseResult parseResult) =>
        parseResult.Has(_bytes) ? parseResult.GetValue(_bytes)!
        : parseResult.Has(_text) ? Encoding.UTF8.GetBytes(parseResult.GetValue(_text)!)
        : Encode(parseResult.GetValue(_value)!, parseResult.GetValue(_type)!.Value);

    private static byte[] Encode(string[] values, MemoryValueType type) =>
        [.. values.SelectMany(value => MemoryValue.Encode(value, type))];
}
