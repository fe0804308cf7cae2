using System.Collections;
using System.Globalization;
using System.IO.Enumeration;
using System.Management.Automation;
using System.Management.Automation.Language;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Creates completions: quoting, wildcards, and text that is safe to show.</summary>
internal static class Completion
{
    /// <summary>Maximum number of completions: a longer list is of no use.</summary>
    public const int MaxResults = 300;

    /// <summary>Creates a completion. Text with blanks or characters that PowerShell interprets is quoted.</summary>
    public static CompletionResult Result(string text, string label, string tooltip)
    {
        bool needsQuotes = text.Length == 0 || text.Any(character =>
            !(char.IsLetterOrDigit(character) || character is '_' or '-' or '.' or '/' or '+' or ':'));
        string quoted = needsQuotes ? $"'{text.Replace("'", "''", StringComparison.Ordinal)}'" : text;
        // Each line by itself: the line breaks are ours.
        string shown = string.Join(Environment.NewLine, tooltip.Split(Environment.NewLine).Select(SafeText.Escape));
        return new CompletionResult(quoted, SafeText.Escape(label), CompletionResultType.ParameterValue,
            shown.Length == 0 ? label : shown);
    }

    /// <summary>Returns whether a text begins with what is typed, which can be quoted and contain <c>*</c> and <c>?</c>.</summary>
    public static bool Matches(string typed, string text)
    {
        string pattern = typed.Trim('\'', '"');
        return text.StartsWith(pattern, StringComparison.OrdinalIgnoreCase)
            || FileSystemName.MatchesSimpleExpression($"{pattern}*", text);
    }

    /// <summary>Opens the core of the command line so far, or its process, or this process.</summary>
    /// <exception cref="MemProcException">It cannot be opened.</exception>
    public static MemoryTarget Open(IDictionary boundParameters, CommandAst? command)
    {
        object? core = boundParameters["CorePath"];
        return (core is object[] { Length: > 0 } many ? many[0] : core) is string path
            ? CoreFile.Open(path)
            : LinuxProcess.Open(CommandLineProcess.Find(boundParameters, command) ?? LinuxProcess.OwnId);
    }

    /// <summary>Returns the mappings of that process; none where it cannot be read.</summary>
    public static IReadOnlyList<ProcMap> Maps(IDictionary boundParameters, CommandAst? command)
    {
        try
        {
            using MemoryTarget process = Open(boundParameters, command);
            return [.. MapReader.Read(process)];
        }
        catch (MemProcException)
        {
            return [];
        }
    }
}

/// <summary>Completes process ids, with name and command line as tooltip.</summary>
public sealed class ProcessIdCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst,
        IDictionary fakeBoundParameters)
    {
        int count = 0;
        foreach (int id in ProcessList.Ids())
        {
            string text = id.ToString(CultureInfo.InvariantCulture);
            if (ProcessList.Name(id) is string name
                && (Completion.Matches(wordToComplete, text) || Completion.Matches(wordToComplete, name))
                && !ProcessList.IsKernelThread(id))
            {
                yield return Completion.Result(text, $"{text} {name}", $"{name}: {ProcessList.CommandLine(id)}");
                if (++count == Completion.MaxResults)
                {
                    yield break;
                }
            }
        }
    }
}

/// <summary>Completes names of processes, with their ids as tooltip.</summary>
public sealed class ProcessNameCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst,
        IDictionary fakeBoundParameters) =>
        (from id in ProcessList.Ids()
         let name = ProcessList.Name(id)
         where name is not null && Completion.Matches(wordToComplete, name) && !ProcessList.IsKernelThread(id)
         group id by name into ids
         orderby ids.Key
         select Completion.Result(ids.Key, ids.Key, $"process {string.Join(", ", ids)}")).Take(Completion.MaxResults);
}

/// <summary>Completes paths of the mappings of the process.</summary>
public sealed class MapPathCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst,
        IDictionary fakeBoundParameters) =>
        (from map in Completion.Maps(fakeBoundParameters, commandAst)
         where map.Path.Length > 0 && (Completion.Matches(wordToComplete, map.Path)
             || Completion.Matches(wordToComplete, System.IO.Path.GetFileName(map.Path)))
         group map by map.Path into maps
         select Completion.Result(maps.Key, maps.Key, $"{maps.Count()} mappings, {maps.First().Kind}")).Take(Completion.MaxResults);
}

/// <summary>Completes common patterns of permissions.</summary>
public sealed class PermissionCompleter : IArgumentCompleter
{
    private static readonly (string Pattern, string Meaning)[] Patterns =
    [
        ("r--", "read only"),
        ("r-x", "code"),
        ("rw-", "data"),
        ("rwx", "writable code"),
        ("---", "no access"),
        ("r*", "readable"),
        ("?w*", "writable"),
        ("*x*", "executable"),
        ("*s", "shared"),
        ("*p", "private"),
    ];

    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst,
        IDictionary fakeBoundParameters) =>
        from pattern in Patterns
        where pattern.Pattern.StartsWith(wordToComplete.Trim('\'', '"'), StringComparison.Ordinal)
        select Completion.Result(pattern.Pattern, pattern.Pattern, pattern.Meaning);
}

/// <summary>Completes names of page flags, with their meaning as tooltip.</summary>
public sealed class PageFlagCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst,
        IDictionary fakeBoundParameters) =>
        from flag in KernelPageFlag.All
        where Completion.Matches(wordToComplete, flag.Name)
        select Completion.Result(flag.Name, flag.Name, flag.Origin == PageFlagOrigin.Stable
            ? $"bit {flag.Bit}: {flag.Meaning}"
            : $"bit {flag.Bit} (with -Raw): {flag.Meaning}");
}

/// <summary>Completes paths of memory cgroups, with their inodes as tooltip.</summary>
public sealed class CgroupCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst,
        IDictionary fakeBoundParameters)
    {
        CgroupTree tree = CgroupTree.Load();
        return (from path in tree.Paths
                where Completion.Matches(wordToComplete, path)
                orderby path
                select Completion.Result(path, path, $"inode {tree.InodeOf(path)}")).Take(Completion.MaxResults);
    }
}

/// <summary>Completes names of the kernel's slab caches.</summary>
public sealed class SlabCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst,
        IDictionary fakeBoundParameters) =>
        (from name in PageFrameFilter.SlabNames()
         where Completion.Matches(wordToComplete, name)
         orderby name
         select Completion.Result(name, name, name)).Take(Completion.MaxResults);
}

/// <summary>Completes names of memory types, with their sizes as tooltip.</summary>
public sealed class MemoryTypeCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst,
        IDictionary fakeBoundParameters) =>
        from name in MemoryTypeName.Common
        where name.StartsWith(wordToComplete.Trim('\'', '"'), StringComparison.OrdinalIgnoreCase)
        let type = MemoryType.Parse(name)
        select Completion.Result(name, name, type.IsTextPointer ? "a pointer to a text, read as that text"
            : type.IsText ? $"a text of {type.SizeBytes} bytes that can end with a NUL"
            : type.Count is not null ? $"{type.Count} values in an array"
            : ByteText.Count(type.SizeBytes));
}

/// <summary>Completes names of encodings.</summary>
public sealed class EncodingCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst,
        IDictionary fakeBoundParameters) =>
        from encoding in EncodingTransformationAttribute.Names
        where Completion.Matches(wordToComplete, encoding.Key)
        select Completion.Result(encoding.Key, encoding.Key, encoding.Value.EncodingName);
}

/// <summary>Completes ids of threads of the process, with the name as tooltip.</summary>
public sealed class ThreadIdCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst,
        IDictionary fakeBoundParameters)
    {
        try
        {
            using MemoryTarget process = Completion.Open(fakeBoundParameters, commandAst);
            (int Id, string Name)[] threads = process is LinuxProcess live
                ? [.. live.ThreadIds().Select(id => (id, live.ThreadStat(id)?.Name ?? string.Empty))]
                : [.. ((CoreFile)process).Threads.Select(thread => (thread.ThreadId, string.Empty))];
            return [.. threads.Select(thread => (Text: thread.Id.ToString(CultureInfo.InvariantCulture), thread.Name))
                .Where(thread => Completion.Matches(wordToComplete, thread.Text))
                .Select(thread => Completion.Result(thread.Text, thread.Text, thread.Name))];
        }
        catch (MemProcException)
        {
            return [];
        }
    }
}
