using System.CommandLine;

namespace MemProc.Cli;

/// <summary>The argument ADDRESS and the option --length, which select pages of a process.</summary>
internal sealed class PageRangeOptions
{
    private readonly Argument<AddressExpression?> _address = CommandOptions.Address(
        "The page that contains this address, or the first page; the whole process if omitted", orNone: true);

    private readonly Option<ulong?> _length = CommandOptions.LengthOption("Number of bytes from ADDRESS on");

    /// <summary>Adds argument and option to a command.</summary>
    public void AddTo(Command command)
    {
        command.Arguments.Add(_address);
        command.Options.Add(_length);
    }

    /// <summary>Returns what is wrong with them; null where nothing is.</summary>
    /// <param name="parseResult">The arguments.</param>
    /// <param name="count">The option that is given instead of --length, if the command has one.</param>
    public string? Validate(ParseResult parseResult, Option? count = null)
    {
        bool hasCount = count is not null && parseResult.Has(count);
        return hasCount && parseResult.Has(_length) ? $"Specify --length or {count!.Name}, not both."
            : parseResult.Has(_address) || !(hasCount || parseResult.Has(_length)) ? null
            : $"{(hasCount ? count!.Name : _length.Name)} requires ADDRESS.";
    }

    /// <summary>Returns the address; null where none is given.</summary>
    public ulong? Address(ParseResult parseResult, MemoryTarget process, CancellationToken cancellation) =>
        parseResult.Resolve(_address, process, cancellation);

    /// <summary>Returns the number of bytes; null where none is given.</summary>
    public ulong? Length(ParseResult parseResult) => parseResult.GetValue(_length);
}
