using System.CommandLine;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc pointers</c>: finds paths of pointers from static memory to an address.</summary>
internal sealed class PointerPathCommand : TargetCommand
{
    private static readonly Column<PointerChain>[] Columns =
    [
        new("Depth", 5, chain => chain.Depth.ToString(CultureInfo.InvariantCulture)),
        new("BaseAddress", -18, chain => ConsoleFormat.Hex(chain.BaseAddress)),
        new("Expression", 0, chain => SafeText.Escape(chain.Expression)),
    ];

    private readonly Argument<AddressExpression?> _address = CommandOptions.Address("The address to which the paths lead");

    private readonly Option<int?> _depth = CommandOptions.Option<int?>("--depth", "POINTERS",
        $"Maximum number of pointers of a path, {PointerPathFinder.DefaultDepth} if omitted", text =>
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int depth) && depth is > 0 and <= PointerPathFinder.MaxDepth
            ? depth
            : throw new FormatException($"'{SafeText.Escape(text)}' is not a valid depth: 1 to {PointerPathFinder.MaxDepth}."));

    private readonly Option<ulong?> _maxOffset = CommandOptions.Option<ulong?>("--max-offset", "BYTES",
        $"Maximum number of bytes from what a pointer points to, to the next one; 0x{PointerPathFinder.DefaultMaxOffset:x} if omitted",
        text => NumberParser.ParseLength(text) is var length and <= PointerPathFinder.OffsetLimit ? length
            : throw new FormatException($"'{SafeText.Escape(text)}' exceeds the maximum, 0x{PointerPathFinder.OffsetLimit:x}."));

    private readonly Option<string?> _from = CommandOptions.Option("--from", "FILE",
        "Only those of these paths, as --json wrote them in another run, that lead to ADDRESS; - is standard input", text => text);

    private readonly Option<ulong?> _first = CommandOptions.Option<ulong?>(
        "--first", "PATHS", "Stop after this number of paths", text => NumberParser.ParseCount(text));

    public PointerPathCommand()
        : base("pointers", "Finds paths of pointers from the data of the program and its libraries to an address. A path is an "
            + "expression that holds after a restart.",
            "memproc pointers 1234 0x55d0c1a2b3c0 --json > run1",
            "memproc pointers 1300 0x5612a4f9c3c0 --from run1",
            "memproc pointers 1234 0x55d0c1a2b3c0 --depth 2 --max-offset 0x400")
    {
        Arguments.Add(_address);
        foreach (Option option in (Option[])[_depth, _maxOffset, _from, _first])
        {
            Options.Add(option);
        }
    }

    protected override string? Validate(ParseResult parseResult) =>
        parseResult.Has(_from) && (parseResult.Has(_depth) || parseResult.Has(_maxOffset))
            ? "--depth and --max-offset cannot be combined with --from."
            : null;

    protected override void Run(
        MemoryTarget process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        ulong address = parseResult.Resolve(_address, process, cancellation)!.Value;
        PointerPathFinder finder = new(process, cancellation)
        {
            Depth = parseResult.GetValue(_depth) ?? PointerPathFinder.DefaultDepth,
            MaxOffset = parseResult.GetValue(_maxOffset) ?? PointerPathFinder.DefaultMaxOffset,
            Warn = output.Warn,
        };
        IEnumerable<PointerChain> chains = finder.Find(address);
        if (parseResult.GetValue(_from) is string path)
        {
            try
            {
                chains = finder.Narrow(address, JsonObjectReader.ReadLines(path, Saved));
            }
            catch (Exception error) when (error is FormatException or IOException or UnauthorizedAccessException)
            {
                output.Fail(error.Message);
                return;
            }
        }

        Table<PointerChain> table = output.BeginTable(Columns);
        ulong left = parseResult.GetValue(_first) ?? ulong.MaxValue;
        foreach (PointerChain chain in chains)
        {
            table.Add(chain);
            if (--left == 0)
            {
                return;
            }
        }

        table.End();
    }

    private static SavedPointerChain Saved(JsonObjectReader item) => item.Texts("offsets") is { Length: > 0 and <= PointerPathFinder.MaxDepth } offsets
        ? new SavedPointerChain(item.Text("base"), Array.ConvertAll(offsets, text => NumberText.Parse(text)))
        : throw new FormatException($"It has no offsets, or more than {PointerPathFinder.MaxDepth}.");
}
