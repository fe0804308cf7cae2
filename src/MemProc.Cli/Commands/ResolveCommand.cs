using System.CommandLine;

namespace MemProc.Cli;

/// <summary><c>memproc resolve</c>: shows the file, section, symbol and page at addresses.</summary>
internal sealed class ResolveCommand : TargetCommand
{
    private static readonly Column<ResolvedAddress>[] Columns =
    [
        new("Address", -18, address => ConsoleFormat.Hex(address.Address)),
        new("Perm", -4, address => address.Permissions),
        new("Section", -10, address => SafeText.Escape(address.Section ?? "-")),
        new("Location", 0, address => SafeText.Escape(address.Location)
            + (address.IsReplaced ? " (file replaced)" : address.IsDeleted ? " (deleted)" : string.Empty)
            + (address.ThreadId is int thread ? $" (stack of thread {thread})" : string.Empty)),
    ];

    private readonly Argument<AddressExpression[]> _addresses = CommandOptions.Addresses(
        "Addresses; read from standard input, one per line, if omitted", orNone: true);

    public ResolveCommand()
        : base("resolve", "Shows the file, section, symbol and page at addresses.",
            "memproc resolve 1234 0x7ffd2de47000",
            "memproc resolve 1234 'libc.so.6!malloc+8' '[heap]' 'auxv:AT_ENTRY' --json",
            "memproc resolve 1234 < addresses.txt")
    {
        Arguments.Add(_addresses);
    }

    protected override void Run(
        MemoryTarget process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        using Symbolizer resolver = new(process, null, cancellation) { Warn = output.Warn };
        AddressExpression[] arguments = parseResult.GetValue(_addresses) ?? [];
        IEnumerable<AddressExpression> addresses = arguments.Length > 0 ? arguments : FromInput(output);
        output.WriteTable(Columns, resolver.Resolve(addresses, error => output.Fail(error.Message)));
    }

    private static IEnumerable<AddressExpression> FromInput(Output output)
    {
        while (Console.In.ReadLine() is string line)
        {
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            AddressExpression address;
            try
            {
                address = AddressExpression.Parse(line);
            }
            catch (FormatException error)
            {
                output.Fail(error.Message);
                continue;
            }

            yield return address;
        }
    }
}
