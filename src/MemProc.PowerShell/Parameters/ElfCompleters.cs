using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace MemProc.PowerShell;

/// <summary>Paths of what a process has mapped where -Id says which, else of files.</summary>
public sealed class ElfPathCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst,
        IDictionary fakeBoundParameters) => ElfCompletion.IsAboutProcess(fakeBoundParameters)
            ? new MapPathCompleter().CompleteArgument(
                commandName, parameterName, wordToComplete, commandAst, fakeBoundParameters)
            : CompletionCompleters.CompleteFilename(wordToComplete);
}

/// <summary>Names of the sections of the file that the command line so far is about.</summary>
public sealed class ElfSectionCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst,
        IDictionary fakeBoundParameters) =>
        ElfCompletion.Of(fakeBoundParameters, file => file.Sections
            .Where(section => section.Name.Length > 0 && Completion.Fits(wordToComplete, section.Name))
            .Select(section => Completion.Result(section.Name, section.Name,
                $"{section.TypeName}, {section.SizeBytes} bytes at 0x{section.VirtualAddress:x}")));
}

/// <summary>Names of the symbols of the file that the command line so far is about.</summary>
public sealed class ElfSymbolCompleter : IArgumentCompleter
{
    private const int Most = 1000;

    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst,
        IDictionary fakeBoundParameters) =>
        ElfCompletion.Of(fakeBoundParameters, file => file.Symbols(file.LargestTable)
            .Where(symbol => symbol.Name.Length > 0 && Completion.Fits(wordToComplete, symbol.Name))
            .OrderBy(symbol => symbol.Name, StringComparer.Ordinal).DistinctBy(symbol => symbol.Name).Take(Most)
            .Select(symbol => Completion.Result(symbol.Name, symbol.Name, symbol.DemangledName)));
}

/// <summary>What completers of ELF files share.</summary>
internal static class ElfCompletion
{
    /// <summary>Whether the command line so far has an -Id.</summary>
    public static bool IsAboutProcess(IDictionary boundParameters) =>
        (boundParameters["Id"] ?? boundParameters["PID"] ?? boundParameters["ProcessId"]) is not null;

    /// <summary>
    /// What the file, or the first image that fits -Path in the process, has to offer; nothing where it cannot be read.
    /// </summary>
    public static IReadOnlyList<CompletionResult> Of(
        IDictionary boundParameters, Func<ElfFile, IEnumerable<CompletionResult>> look)
    {
        object? given = boundParameters["Path"] ?? boundParameters["LiteralPath"];
        string? path = (given is object[] { Length: > 0 } many ? many[0] : given)?.ToString();
        try
        {
            if (IsAboutProcess(boundParameters))
            {
                using LinuxProcess process = LinuxProcess.Open(Completion.ProcessId(boundParameters));
                using MappedImages images = new(process);
                return [.. images.Loaded(path is null ? null : PathPattern.Any([path]), _ => { })
                    .Take(1).SelectMany(image => look(image.Elf))];
            }

            if (path is null)
            {
                return [];
            }

            using ElfFile file = ElfFile.Open(System.IO.Path.GetFullPath(path));
            return [.. look(file)];
        }
        catch (MemProcException)
        {
            return [];
        }
    }
}
