using System.CommandLine;
using System.CommandLine.Parsing;

namespace MemProc.Cli;

/// <summary>Creates the arguments and options of commands, and reads their values.</summary>
internal static class CommandOptions
{
    /// <summary>Stands for all processes.</summary>
    public const int AllProcesses = -1;

    /// <summary>Creates the argument for a process.</summary>
    public static Argument<int> Process(string more = "") => new("PID")
    {
        Description = $"Process id, or self for memproc itself{more}",
        CustomParser = ParseSingle(NumberParser.ParseProcessId),
    };

    /// <summary>Creates the argument for a process or a core.</summary>
    /// <param name="corePrefix">Begins a core.</param>
    /// <param name="more">More of the description.</param>
    /// <param name="takesAll">It can be <c>all</c>, which is <see cref="AllProcesses"/>.</param>
    public static Argument<(int ProcessId, string? Core)> Target(string corePrefix, string more = "", bool takesAll = false) => new("PID")
    {
        Description = $"Process id, or self for memproc itself; or --core FILE{more}",
        CustomParser = ParseSingle<(int, string?)>(text => text.StartsWith(corePrefix, StringComparison.Ordinal)
            ? (0, text[corePrefix.Length..])
            : takesAll && text == "all" ? (AllProcesses, (string?)null)
            : (NumberParser.ParseProcessId(text), null)),
    };

    /// <summary>Creates the argument for an address in the process.</summary>
    /// <param name="description">The description in the help.</param>
    /// <param name="orNone">It is optional.</param>
    public static Argument<AddressExpression?> Address(string description, bool orNone = false) => new("ADDRESS")
    {
        Description = description,
        Arity = orNone ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne,
        CustomParser = ParseSingle<AddressExpression?>(text => AddressExpression.Parse(text)),
    };

    /// <summary>Creates the option for an address in the process.</summary>
    public static Option<AddressExpression?> AddressOption(string description) =>
        Option<AddressExpression?>("--address", "ADDRESS", description, text => AddressExpression.Parse(text));

    /// <summary>Creates the argument for addresses in the process.</summary>
    /// <param name="description">The description in the help.</param>
    /// <param name="orNone">They are optional.</param>
    public static Argument<AddressExpression[]> Addresses(string description, bool orNone = false) => new("ADDRESS")
    {
        Description = description,
        Arity = ArgumentArity.ZeroOrMore,
        CustomParser = ParseMany(AddressExpression.Parse),
    };

    /// <summary>Creates the argument for a number of bytes.</summary>
    public static Argument<ulong?> Length(string description) => new("LENGTH")
    {
        Description = description,
        Arity = ArgumentArity.ZeroOrOne,
        CustomParser = ParseSingle<ulong?>(text => NumberParser.ParseLength(text)),
    };

    /// <summary>Creates the option for a number of bytes from an address on.</summary>
    public static Option<ulong?> LengthOption(string description) =>
        Option<ulong?>("--length", "BYTES", $"{description}: 4096, 0x1000, 16M", text => NumberParser.ParseLength(text));

    /// <summary>Creates the argument for a physical address.</summary>
    public static Argument<ulong> PhysicalAddress(string description) => new("ADDRESS")
    {
        Description = description,
        CustomParser = ParseSingle(PhysicalMap.ParseAddress),
    };

    /// <summary>Creates the argument for page frames.</summary>
    public static Argument<PfnRange[]> Pfns() => new("PFN")
    {
        Description = "Page frames: a number, in hex with 0x or a letter a to f, or a range FIRST..LAST; FIRST.. ends with "
            + "the last frame of the machine",
        Arity = ArgumentArity.ZeroOrMore,
        CustomParser = ParseMany(text => PfnRange.Parse(text, allowOpen: true)),
    };

    /// <summary>Creates an option without a value.</summary>
    public static Option<bool> Switch(string name, string description) => new(name) { Description = description };

    /// <summary>Creates an option with one value.</summary>
    public static Option<T?> Option<T>(string name, string value, string description, Func<string, T?> parse) =>
        new(name) { HelpName = value, Description = description, CustomParser = ParseSingle(parse) };

    /// <summary>Creates an option that can be specified several times.</summary>
    public static Option<T[]> List<T>(string name, string value, string description, Func<string, T> parse) => new(name)
    {
        HelpName = value,
        Description = $"{description}. Can be specified several times",
        Arity = ArgumentArity.OneOrMore,
        CustomParser = ParseMany(parse),
    };

    /// <summary>Creates an option whose value is one of an enumeration.</summary>
    public static Option<T?> EnumOption<T>(string name, string value, string description)
        where T : struct, Enum =>
        Option<T?>(name, value, $"{description}: {EnumNames.All<T>()}", text => EnumNames.Parse<T>(text));

    /// <summary>Creates the option for pages that a userfaultfd handler supplies.</summary>
    public static Option<bool> AllowUserfault() => Switch("--allow-userfault",
        "Wait for pages that a userfaultfd handler supplies or releases, possibly without end; not while the process is "
        + "stopped");

    /// <summary>Creates the option that shows equal lines of a hex dump.</summary>
    public static Option<bool> AllLines() => Switch(
        "--all-lines", "Show all lines of a hex dump; without it, * stands for lines that equal the one before");

    /// <summary>Creates the option for how kernel memory is read.</summary>
    public static Option<KernelReadSource?> KernelSource() =>
        EnumOption<KernelReadSource>("--source", "SOURCE", "How to read kernel memory");

    /// <summary>Returns whether an option is given.</summary>
    public static bool Has(this ParseResult parseResult, Option option) => parseResult.GetResult(option) is { Implicit: false };

    /// <summary>Returns the address in a process that an option has; null where it is not given.</summary>
    public static ulong? Resolve(this ParseResult parseResult, Option<AddressExpression?> option, MemoryTarget process,
        CancellationToken cancellation) => parseResult.GetValue(option)?.Resolve(process, cancellation);

    /// <summary>Returns the address in a process that an argument has; null where it is not given.</summary>
    public static ulong? Resolve(this ParseResult parseResult, Argument<AddressExpression?> argument, MemoryTarget process,
        CancellationToken cancellation) => parseResult.GetValue(argument)?.Resolve(process, cancellation);

    /// <summary>Returns whether an argument is given.</summary>
    public static bool Has(this ParseResult parseResult, Argument argument) =>
        parseResult.GetResult(argument) is { Tokens.Count: > 0 };

    private static Func<ArgumentResult, T?> ParseSingle<T>(Func<string, T?> parse) => result =>
        TryParse(result, result.Tokens[^1], parse, out T? value) ? value : default;

    private static Func<ArgumentResult, T[]?> ParseMany<T>(Func<string, T> parse) => result =>
    {
        List<T> values = [];
        foreach (Token token in result.Tokens)
        {
            if (TryParse(result, token, parse, out T? value))
            {
                values.Add(value!);
            }
        }

        return [.. values];
    };

    private static bool TryParse<T>(ArgumentResult result, Token token, Func<string, T?> parse, out T? value)
    {
        value = default;
        // No value begins with --: an option is misspelled, or the value of the option before it is missing.
        if (token.Value.StartsWith("--", StringComparison.Ordinal))
        {
            result.AddError(result.Parent is OptionResult { Option.Name: string option }
                ? $"{option} requires a value; '{token.Value}' is not one."
                : $"There is no option {token.Value}.");
            return false;
        }

        try
        {
            value = parse(token.Value);
            return true;
        }
        catch (Exception error) when (error is FormatException or ArgumentException or OverflowException)
        {
            result.AddError(error.Message);
            return false;
        }
    }
}
