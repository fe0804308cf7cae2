using System.CommandLine;
using System.CommandLine.Parsing;

namespace MemProc.Cli;

/// <summary>Arguments and options that several commands have, and how texts become their values.</summary>
internal static class Given
{
    /// <summary>The process.</summary>
    public static Argument<int> Process(string more = "") => new("PID")
    {
        Description = $"The process: its id, or self for memproc itself{more}",
        CustomParser = One(Numbers.ProcessId),
    };

    /// <summary>An address in the process.</summary>
    /// <param name="description">Which one.</param>
    /// <param name="orNone">It can be left out.</param>
    public static Argument<ProcAddress?> Address(string description, bool orNone = false) => new("ADDRESS")
    {
        Description = description,
        Arity = orNone ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne,
        CustomParser = One<ProcAddress?>(text => ProcAddress.Parse(text)),
    };

    /// <summary>An address in the process, by a name.</summary>
    public static Option<ProcAddress?> AddressOption(string description) =>
        Option<ProcAddress?>("--address", "ADDRESS", description, text => ProcAddress.Parse(text));

    /// <summary>Addresses in the process.</summary>
    /// <param name="description">Which ones.</param>
    /// <param name="orNone">There need not be any.</param>
    public static Argument<ProcAddress[]> Addresses(string description, bool orNone = false) => new("ADDRESS")
    {
        Description = description,
        Arity = orNone ? ArgumentArity.ZeroOrMore : ArgumentArity.OneOrMore,
        CustomParser = Many(ProcAddress.Parse),
    };

    /// <summary>A number of bytes.</summary>
    public static Argument<ulong?> Length(string description) => new("LENGTH")
    {
        Description = description,
        Arity = ArgumentArity.ZeroOrOne,
        CustomParser = One<ulong?>(text => Numbers.Length(text)),
    };

    /// <summary>Page frames.</summary>
    public static Argument<PfnRange[]> Pfns() => new("PFN")
    {
        Description = "Page frames: a number, hex with 0x or a letter a to f, or two with .. between",
        Arity = ArgumentArity.OneOrMore,
        CustomParser = Many(PfnRange.Parse),
    };

    /// <summary>An option that is there or not.</summary>
    public static Option<bool> Switch(string name, string description) => new(name) { Description = description };

    /// <summary>An option with one value.</summary>
    public static Option<T?> Option<T>(string name, string value, string description, Func<string, T?> parse) =>
        new(name) { HelpName = value, Description = description, CustomParser = One(parse) };

    /// <summary>An option that can be given several times.</summary>
    public static Option<T[]> List<T>(string name, string value, string description, Func<string, T> parse) => new(name)
    {
        HelpName = value,
        Description = $"{description}; can be given several times",
        Arity = ArgumentArity.OneOrMore,
        CustomParser = Many(parse),
    };

    /// <summary>An option that is one of an enumeration's words.</summary>
    public static Option<T?> Word<T>(string name, string value, string description)
        where T : struct, Enum =>
        Option<T?>(name, value, $"{description}: {Words.All<T>()}", text => Words.Parse<T>(text));

    /// <summary>How the kernel's memory is to be read.</summary>
    public static Option<KernelReadSource?> KernelSource() =>
        Word<KernelReadSource>("--source", "SOURCE", "How to read the kernel's memory");

    /// <summary>Which kinds of mappings are meant.</summary>
    public static Option<ProcMapKind[]> MapKinds() =>
        List("--kind", "KIND", $"Only these kinds: {Words.All<ProcMapKind>()}", Words.Parse<ProcMapKind>);

    /// <summary>The filter that three options make.</summary>
    public static MapFilter Maps(
        this ParseResult given, Option<string[]> path, Option<string[]> permission, Option<ProcMapKind[]> kind) => new()
    {
        Path = given.GetValue(path) is { Length: > 0 } paths ? PathPattern.Any(paths) : null,
        Permissions = given.GetValue(permission) ?? [],
        Kinds = given.GetValue(kind) ?? [],
    };

    /// <summary>Whether an option was given.</summary>
    public static bool Has(this ParseResult given, Option option) => given.GetResult(option) is { Implicit: false };

    /// <summary>Whether an argument was given.</summary>
    public static bool Has(this ParseResult given, Argument argument) =>
        given.GetResult(argument) is { Tokens.Count: > 0 };

    private static Func<ArgumentResult, T?> One<T>(Func<string, T?> parse) => result =>
        TryParse(result, result.Tokens[^1], parse, out T? value) ? value : default;

    private static Func<ArgumentResult, T[]?> Many<T>(Func<string, T> parse) => result =>
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
        // No value begins so: an option was misspelt, or the value of the one before it forgotten.
        if (token.Value.StartsWith("--", StringComparison.Ordinal))
        {
            result.AddError(result.Parent is OptionResult { Option.Name: string option }
                ? $"{option} needs a value; '{token.Value}' reads as an option."
                : $"There is no option '{token.Value}'.");
            return false;
        }

        try
        {
            value = parse(token.Value);
            return true;
        }
        catch (Exception error) when (error is FormatException or ArgumentException)
        {
            result.AddError(error.Message);
            return false;
        }
    }
}
