using System.CommandLine;
using System.Text;

namespace MemProc.Cli;

/// <summary><c>memproc write</c>: changes bytes of a process.</summary>
internal sealed class WriteCommand : CliCommand
{
    private readonly Argument<int> _process = Given.Process();
    private readonly Argument<ProcAddress?> _address = Given.Address("The first byte");

    private readonly Option<byte[]?> _bytes = Given.Option(
        "--bytes", "HEX", "These bytes: '67 61 72' or 676172", Numbers.Bytes);

    private readonly Option<string?> _text = Given.Option(
        "--text", "TEXT", "This text as UTF-8, without a NUL", text => text);

    private readonly Option<string[]> _value = Given.List(
        "--value", "NUMBER", "This number as --type says, decimal or 0x hex", text => text);

    private readonly Option<MemoryValueType?> _type = Given.Word<MemoryValueType>(
        "--type", "TYPE", "What --value becomes");

    private readonly Option<byte[]?> _expected = Given.Option(
        "--expected", "HEX", "Write only where these bytes are now", Numbers.Bytes);

    private readonly Option<bool> _verify = Given.Switch("--verify", "Read the bytes back and compare");
    private readonly Option<bool> _force = Given.Switch(
        "--force", "Write what the process itself may not write, through /proc/PID/mem");

    private readonly Option<bool> _yes = Given.Switch("--yes", "Do not ask");
    private readonly Option<bool> _dryRun = Given.Switch(
        "--dry-run", "Check everything, tell what would be done, and stop");

    public WriteCommand()
        : base("write", "Changes memory of a process, after asking.",
            "memproc write 1234 0x55d0c2a012a0 --text hello --expected '67 61 72 6c 69'",
            "memproc write 1234 0x55d0c2a012a0 --value 100 --type int32 --verify --yes",
            "memproc write 1234 0x55d0c2a012a0 --bytes 'de ad be ef' --dry-run")
    {
        Arguments.Add(_process);
        Arguments.Add(_address);
        Options.Add(_bytes);
        Options.Add(_text);
        Options.Add(_value);
        Options.Add(_type);
        Options.Add(_expected);
        Options.Add(_verify);
        Options.Add(_force);
        Options.Add(_yes);
        Options.Add(_dryRun);
    }

    protected override string? Fault(ParseResult given)
    {
        Option[] forms = [_bytes, _text, _value];
        if (forms.Count(form => given.Has(form)) != 1)
        {
            return "Give one of --bytes, --text and --value.";
        }

        if (given.Has(_value) != given.Has(_type))
        {
            return "--value and --type go together.";
        }

        try
        {
            return Bytes(given).Length == 0 ? "An empty text has no bytes to write."
                : !given.Has(_yes) && !given.Has(_dryRun) && Console.IsInputRedirected
                ? "Nobody can be asked, standard input is no terminal: give --yes, or --dry-run to see what it does."
                : null;
        }
        catch (Exception error) when (error is FormatException or OverflowException)
        {
            return $"--value is no {Words.Of(given.GetValue(_type)!.Value)}: {error.Message}";
        }
    }

    protected override void Run(ParseResult given, Output output, CancellationToken cancellation)
    {
        using LinuxProcess process = LinuxProcess.Open(given.GetValue(_process));
        MemoryWriter writer = new(process, cancellation);
        byte[]? expected = given.Has(_expected) ? given.GetValue(_expected) : null;
        MemoryWriter.Plan plan = writer.Prepare(
            given.GetValue(_address)!.Resolve(process), Bytes(given), expected, given.GetValue(_force));
        if (given.GetValue(_dryRun))
        {
            output.Write(plan, $"Would write {plan.Place}: {plan.Change}.");
        }
        else if (given.GetValue(_yes) || Confirm($"Write {plan.Place}: {plan.Change}", cancellation))
        {
            output.Write(writer.Write(plan, given.GetValue(_verify)), $"Wrote {plan.Place}: {plan.Change}.");
        }
        else
        {
            output.Fail("Nothing was written.");
        }
    }

    private byte[] Bytes(ParseResult given) =>
        given.Has(_bytes) ? given.GetValue(_bytes)!
        : given.Has(_text) ? Encoding.UTF8.GetBytes(given.GetValue(_text)!)
        : [.. given.GetValue(_value)!.SelectMany(value => MemoryValue.Encode(value, given.GetValue(_type)!.Value))];

    private static bool Confirm(string action, CancellationToken cancellation)
    {
        // Ctrl-C at the question: nothing has been touched, and a thread that waits for a key hears no token.
        using CancellationTokenRegistration stop = cancellation.Register(() => Environment.Exit(ExitCode.Interrupted));
        Console.Error.Write($"{action}. Go on? [y/N] ");
        string? answer = Console.ReadLine();
        if (answer is null)
        {
            Console.Error.WriteLine();
        }

        return answer?.Trim() is "y" or "Y" or "yes";
    }
}
