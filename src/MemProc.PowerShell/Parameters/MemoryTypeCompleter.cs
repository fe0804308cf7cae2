using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace MemProc.PowerShell;

/// <summary>Types of values in memory, with their sizes.</summary>
public sealed class MemoryTypeCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst,
        IDictionary fakeBoundParameters) =>
        from name in MemoryTypeName.Common
        where name.StartsWith(wordToComplete.Trim('\'', '"'), StringComparison.OrdinalIgnoreCase)
        let type = MemoryType.Parse(name)
        select Completion.Result(name, name, type.IsTextPointer ? "a pointer to a text, read as that text"
            : type.IsText ? $"a text of {type.SizeBytes} bytes that may end with a NUL"
            : type.Count is not null ? $"{type.Count} values in an array"
            : ByteText.Count(type.SizeBytes));
}
