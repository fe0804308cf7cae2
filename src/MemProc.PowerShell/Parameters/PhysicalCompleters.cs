using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace MemProc.PowerShell;

/// <summary>Completes names of physical ranges, with the ranges as tooltip.</summary>
public sealed class PhysicalRangeNameCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst,
        IDictionary fakeBoundParameters) =>
        from range in Ranges()
        where Completion.Matches(wordToComplete, range.Name)
        group range by range.Name into ranges
        select Completion.Result(ranges.Key, ranges.Key,
            string.Join(Environment.NewLine, ranges.Select(range => range.ToString().TrimStart())));

    /// <summary>Returns all ranges; none where they cannot be read.</summary>
    internal static IReadOnlyList<PhysicalRange> Ranges()
    {
        try
        {
            return PhysicalMap.Read().Ranges;
        }
        catch (MemProcException)
        {
            return [];
        }
    }
}

/// <summary>Completes starts of physical ranges, with the names of the ranges as tooltip.</summary>
public sealed class PhysicalAddressCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst,
        IDictionary fakeBoundParameters) =>
        from range in PhysicalRangeNameCompleter.Ranges()
        where range.Start is not null
        let text = $"0x{range.Start:x}"
        where Completion.Matches(wordToComplete, text)
        group range.Name by text into names
        let all = string.Join(", ", names)
        select Completion.Result(names.Key, $"{names.Key} {all}", all);
}
