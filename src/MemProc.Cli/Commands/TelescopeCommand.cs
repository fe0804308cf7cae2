using System.CommandLine;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc telescope</c>: shows words of memory and what they point to.</summary>
internal sealed class TelescopeCommand : TargetCommand
{
    private readonly Argument<AddressExpression?> _address = CommandOptions.Address(
        "Address of the first word; omitted with --thread", orNone: true);

    private readonly Argument<ulong?> _length = CommandOptions.Length(
        $"Number of bytes: 64, 0x40, 4K; {TelescopeReader.DefaultWords} words if omitted");

    private readonly Option<int?> _thread = CommandOptions.Option<int?>("--thread", "TID",
        "Begin at the stack pointer of this thread", text => NumberParser.ParseProcessId(text));

    private readonly Option<int?> _depth = CommandOptions.Option<int?>("--depth", "POINTERS",
        $"Number of pointers to follow from each word, {TelescopeReader.DefaultDepth} if omitted", Steps);

    private readonly Option<bool> _all = CommandOptions.Switch("--include-not-resident",
        "Include what is not in memory: it is faulted in, and the process grows");

    private readonly Option<bool> _allowUserfault = CommandOptions.AllowUserfault();

    private readonly Option<bool> _stop = CommandOptions.Switch(
        "--stop", "Stop the process while it is read. Interrupts system calls in which its threads wait");

    public TelescopeCommand()
        : base("telescope", "Shows words of memory and what they point to: symbols, mappings, text, numbers.",
            "memproc telescope 1234 --thread 1240",
            "memproc telescope 1234 '[stack]-0x1000' 256 --depth 6",
            "memproc telescope 1234 0x7ffd2de47000 --json")
    {
        Arguments.Add(_address);
        Arguments.Add(_length);
        foreach (Option option in (Option[])[_thread, _depth, _all, _allowUserfault, _stop])
        {
            Options.Add(option);
        }
    }

    protected override string? Validate(ParseResult parseResult) =>
        parseResult.Has(_thread) == parseResult.Has(_address) ? "Specify either ADDRESS or --thread."
            : parseResult.Has(_allowUserfault) && !parseResult.Has(_all) ? "--allow-userfault requires --include-not-resident."
            : null;

    protected override void Run(
        MemoryTarget process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        bool stop = parseResult.GetValue(_stop);
        ulong start = parseResult.Resolve(_address, process, cancellation)
            ?? ProcThreadReader.StackPointerOf(process, parseResult.GetValue(_thread)!.Value);
        MemoryReader reader = new(process, ReadMethod.Auto, cancellation)
        {
            ResidentOnly = process is LinuxProcess && !parseResult.GetValue(_all),
            AllowUserfault = parseResult.GetValue(_allowUserfault),
        };
        TelescopeReader telescope = new(process, reader, cancellation)
        {
            Depth = parseResult.GetValue(_depth) ?? TelescopeReader.DefaultDepth,
            ReadsAhead = stop,
            Warn = output.WarnOnce,
        };
        ulong length = parseResult.GetValue(_length) ?? telescope.DefaultLength;
        if (!stop)
        {
            Write(telescope.Read(start, length), output, cancellation);
            return;
        }

        LinuxProcess live = Live(process, "--stop");
        output.WarnBeforeStop();
        foreach ((IEnumerable<TelescopeWord> words, MemProcException? failure) in StoppedRead.Run<TelescopeWord>(
            live, telescope.MaxBytes(length), [() => telescope.Read(start, length)], cancellation))
        {
            Write(failure is null ? words : throw failure, output, cancellation);
        }
    }

    private static void Write(IEnumerable<TelescopeWord> words, Output output, CancellationToken cancellation)
    {
        foreach (TelescopeWord word in words)
        {
            cancellation.ThrowIfCancellationRequested();
            output.Write(word, $"0x{word.Address:x12} +0x{word.Offset:x4}  {word.Description}");
        }
    }

    /// <exception cref="FormatException">It is not a number of pointers that can be followed.</exception>
    private static int? Steps(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int steps) && steps is > 0 and <= TelescopeReader.MaxDepth
        ? steps
        : throw new FormatException(
            $"'{SafeText.Escape(text)}' is not a valid number of pointers: 1 to {TelescopeReader.MaxDepth}.");
}
