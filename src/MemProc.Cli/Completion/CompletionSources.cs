using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Parsing;
using System.Globalization;
using MemProc.Interop;

namespace MemProc.Cli;

/// <summary>The values of options and arguments that shells complete.</summary>
internal static class CompletionSources
{
    /// <summary>Adds the values to all options and arguments of a command and of its subcommands.</summary>
    public static void AddTo(Command command)
    {
        foreach (Argument argument in command.Arguments)
        {
            Replace(argument.CompletionSources, argument.ValueType, argument.Name, context => !IsFilled(argument, context));
        }

        foreach (Option option in command.Options)
        {
            Replace(option.CompletionSources, option.ValueType, option.HelpName ?? string.Empty, _ => true);
        }

        foreach (Command subcommand in command.Subcommands)
        {
            AddTo(subcommand);
        }
    }

    /// <summary>Replaces the values that System.CommandLine offers, which are the names of the enumeration in C#.</summary>
    /// <param name="sources">The sources.</param>
    /// <param name="type">The type of the value.</param>
    /// <param name="name">The name of the value in the help: PID, FLAG.</param>
    /// <param name="applies">Returns whether the word can be such a value.</param>
    private static void Replace(
        List<Func<CompletionContext, IEnumerable<CompletionItem>>> sources, Type type, string name,
        Func<CompletionContext, bool> applies)
    {
        Type value = type.GetElementType() ?? Nullable.GetUnderlyingType(type) ?? type;
        if (value.IsEnum)
        {
            sources.Clear();
            sources.Add(context => !applies(context) ? [] : EnumNames.All(value).Select(text => new CompletionItem(text)));
        }
        else if (Values(name) is Func<CompletionContext, IEnumerable<CompletionItem>> values)
        {
            sources.Clear();
            sources.Add(context => applies(context) ? values(context) : []);
        }
    }

    /// <summary>Returns whether the words before the one to complete are all values that an argument takes.</summary>
    private static bool IsFilled(Argument argument, CompletionContext context)
    {
        IReadOnlyList<Token> tokens = context.ParseResult.GetResult(argument)?.Tokens ?? [];
        bool hasWord = context.WordToComplete.Length > 0 && tokens is [.., Token last] && last.Value == context.WordToComplete;
        return tokens.Count - (hasWord ? 1 : 0) >= argument.Arity.MaximumNumberOfValues;
    }

    private static Func<CompletionContext, IEnumerable<CompletionItem>>? Values(string name) => name switch
    {
        "PID" => _ => Processes(),
        "FLAG" => Flags,
        "TYPE" => _ => MemoryTypeName.Common.Select(type => new CompletionItem(type.ToLowerInvariant())),
        "CGROUP" => _ => CgroupTree.Load().Paths.Order(StringComparer.Ordinal).Select(path => new CompletionItem(path)),
        "PATTERN" => context => OfProcess(context, process => MapReader.Read(process)
            .Select(map => Path.GetFileName(map.Path)).Where(name => name.Length > 0).Distinct().Select(name => new CompletionItem(name))),
        "THREAD" or "TID" => context => OfProcess(context, process => process.ThreadIds()
            .Select(id => new CompletionItem(id.ToString(CultureInfo.InvariantCulture), detail: process.ThreadStat(id)?.Name))),
        _ => null,
    };

    /// <summary>Returns the names of page flags. Those before the last comma are complete.</summary>
    private static IEnumerable<CompletionItem> Flags(CompletionContext context)
    {
        string word = context.WordToComplete;
        string complete = word[..(word.LastIndexOf(',') + 1)];
        return KernelPageFlag.All.Select(flag => new CompletionItem(complete + flag.Name, detail: flag.Meaning));
    }

    private static IEnumerable<CompletionItem> Processes()
    {
        yield return new CompletionItem("self", detail: "memproc itself");
        foreach (int id in ProcessList.Ids())
        {
            if (ProcessList.Name(id) is string name)
            {
                yield return new CompletionItem(id.ToString(CultureInfo.InvariantCulture), detail: name);
            }
        }
    }

    /// <summary>Returns what the process on the command line has; nothing where there is none.</summary>
    private static IEnumerable<CompletionItem> OfProcess(
        CompletionContext context, Func<LinuxProcess, IEnumerable<CompletionItem>> items)
    {
        ParseResult parsed = context.ParseResult;
        Argument? process = parsed.CommandResult.Command.Arguments.FirstOrDefault(argument => argument.Name == "PID");
        if (process is null || parsed.GetResult(process)?.Tokens is not [{ Value: string id }, ..])
        {
            return [];
        }

        try
        {
            using LinuxProcess opened = LinuxProcess.Open(NumberParser.ParseProcessId(id));
            return [.. items(opened)];
        }
        catch (Exception error) when (error is MemProcException or FormatException)
        {
            return [];
        }
    }
}
