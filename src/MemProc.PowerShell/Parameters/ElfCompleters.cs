using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace MemProc.PowerShell;

/// <summary>Completes paths: of mapped files where -Id is given, else of files.</summary>
public sealed class ElfPathCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst,
        IDictionary fakeBoundParameters) => CommandLineProcess.IsKnown(fakeBoundParameters, commandAst)
            ? new MapPathCompleter().CompleteArgument(
                commandName, parameterName, wordToComplete, commandAst, fakeBoundParameters)
            : CompletionCompleters.CompleteFilename(wordToComplete);
}

/// <summary>Completes names of sections of the file on the command line so far.</summary>
public sealed class ElfSectionCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst,
        IDictionary fakeBoundParameters) =>
        ElfCompletion.Of(fakeBoundParameters, commandAst, file => file.Sections
            .Where(section => section.Name.Length > 0 && Completion.Matches(wordToComplete, section.Name))
            .Select(section => Completion.Result(section.Name, section.Name,
                $"{section.TypeName}, {section.SizeBytes} bytes at 0x{section.VirtualAddress:x}")));
}

/// <summary>Completes names of symbols of the file on the command line so far.</summary>
public sealed class ElfSymbolCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst,
        IDictionary fakeBoundParameters) =>
        ElfCompletion.Of(fakeBoundParameters, commandAst, file => file.Symbols(file.PreferredTable)
            .Where(symbol => symbol.Name.Length > 0 && Completion.Matches(wordToComplete, symbol.Name))
            .OrderBy(symbol => symbol.Name, StringComparer.Ordinal).DistinctBy(symbol => symbol.Name).Take(Completion.MaxResults)
            .Select(symbol => Completion.Result(symbol.Name, symbol.Name, symbol.DemangledName)));
}

/// <summary>Opens ELF files for completers.</summary>
internal static class ElfCompletion
{
    /// <summary>
    /// Returns completions from the file, or from the first image in the process that matches -Path; none where it cannot
    /// be read.
    /// </summary>
    public static IReadOnlyList<CompletionResult> Of(
        IDictionary boundParameters, CommandAst? command, Func<ElfFile, IEnumerable<CompletionResult>> read)
    {
        object? given = boundParameters["Path"] ?? boundParameters["LiteralPath"];
        string? path = (given is object[] { Length: > 0 } many ? many[0] : given)?.ToString();
        try
        {
            if (CommandLineProcess.IsKnown(boundParameters, command) || boundParameters["CorePath"] is not null)
            {
                using MemoryTarget process = Completion.Open(boundParameters, command);
                using MappedImages images = new(process);
                return [.. images.Loaded(path is null ? null : Wildcard.Paths([path]), _ => { })
                    .Take(1).SelectMany(image => read(image.Elf))];
            }

            if (path is null)
            {
                return [];
            }

            using ElfFile file = ElfFile.Open(System.IO.Path.GetFullPath(path));
            return [.. read(file)];
        }
        catch (MemProcException)
        {
            return [];
        }
    }
}
