using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>
/// Completes address expressions: names of files and special mappings, sections of the program, entries of the auxiliary
/// vector, starts of the mappings, which are many; after a <c>!</c> the symbols and sections of that file.
/// </summary>
public sealed class AddressCompleter : IArgumentCompleter
{
    private const string Auxiliary = "auxv:";

    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst,
        IDictionary fakeBoundParameters)
    {
        try
        {
            using MemoryTarget process = Completion.Open(fakeBoundParameters, commandAst);
            using MappedImages images = new(process);
            string typed = wordToComplete.Trim('\'', '"');
            int mark = typed.IndexOf('!');
            return [.. (mark < 0 ? Beginnings(wordToComplete, typed, images) : Symbols(typed[..mark], typed[(mark + 1)..], images))
                .Take(Completion.MaxResults)];
        }
        catch (MemProcException)
        {
            return [];
        }
    }

    private static IEnumerable<CompletionResult> Beginnings(string word, string typed, MappedImages images)
    {
        foreach (IGrouping<string, ProcMap> area in images.Maps
            .Where(map => map.Path.StartsWith('[') && Completion.Matches(word, map.Path)).GroupBy(map => map.Path))
        {
            yield return Completion.Result(area.Key, area.Key, area.First().ToString());
        }

        foreach (IGrouping<string, MappedFile> files in images.Files
            .Where(file => !file.Name.StartsWith('[') && Completion.Matches(word, file.Name)).GroupBy(file => file.Name))
        {
            yield return Completion.Result(AddressExpression.Quote(files.Key), files.Key,
                string.Join(Environment.NewLine, files.Select(file => file.Path)));
        }

        if (typed.StartsWith('.') && images.Main is MappedFile main)
        {
            foreach (CompletionResult section in Sections(string.Empty, typed, main))
            {
                yield return section;
            }
        }

        foreach ((ulong type, ulong value) in images.Auxiliary)
        {
            if (AuxiliaryVector.NameOf(type) is string name && Completion.Matches(word, Auxiliary + name))
            {
                yield return Completion.Result(Auxiliary + name, Auxiliary + name, $"{name}: 0x{value:x}");
            }
        }

        foreach (ProcMap map in images.Maps)
        {
            string text = $"0x{map.Start:x}";
            if (Completion.Matches(word, text))
            {
                yield return Completion.Result(text, $"{text} {map.Permissions} {map.Path}", map.ToString());
            }
        }
    }

    private static IEnumerable<CompletionResult> Symbols(string file, string typed, MappedImages images)
    {
        MappedFile? mapped = file.Length == 0 ? images.Main : images.Named(file).FirstOrDefault();
        return mapped is null ? []
            : typed.StartsWith('.') ? Sections($"{file}!", typed, mapped)
            : mapped.Symbols().Where(symbol => Completion.Matches(typed, symbol.Name)).DistinctBy(symbol => symbol.Name)
                .OrderBy(symbol => symbol.Name, StringComparer.Ordinal).Take(Completion.MaxResults)
                .Select(symbol => Completion.Result($"{file}!{AddressExpression.QuoteSymbol(symbol.Name)}", symbol.DemangledName,
                    $"{symbol.Type} {symbol.DemangledName}, {symbol.SizeBytes} bytes"));
    }

    private static IEnumerable<CompletionResult> Sections(string prefix, string typed, MappedFile mapped) =>
        from section in mapped.Elf?.Sections ?? []
        where section.IsLoaded && Completion.Matches(typed, section.Name)
        select Completion.Result(prefix + section.Name, section.Name,
            $"{section.Name} {section.FlagLetters}, {section.SizeBytes} bytes");
}
