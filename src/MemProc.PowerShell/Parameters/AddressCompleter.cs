using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>
/// Completes address expressions: starts of the mappings, names of files and special mappings, sections of the program,
/// entries of the auxiliary vector; after a <c>!</c> the symbols and sections of that file.
/// </summary>
public sealed class AddressCompleter : IArgumentCompleter
{
    private const string Auxiliary = "auxv:";

    /// <summary>Maximum number of symbols in a list.</summary>
    private const int MostSymbols = 1000;

    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst,
        IDictionary fakeBoundParameters)
    {
        try
        {
            using LinuxProcess process = LinuxProcess.Open(Completion.ProcessId(fakeBoundParameters));
            using ProcModules modules = new(process);
            string typed = wordToComplete.Trim('\'', '"');
            int mark = typed.IndexOf('!');
            return [.. mark < 0 ? Beginnings(wordToComplete, typed, modules) : Symbols(typed[..mark], typed[(mark + 1)..], modules)];
        }
        catch (MemProcException)
        {
            return [];
        }
    }

    private static IEnumerable<CompletionResult> Beginnings(string word, string typed, ProcModules modules)
    {
        foreach (ProcMap map in modules.Maps)
        {
            string text = $"0x{map.Start:x}";
            if (Completion.Fits(word, text))
            {
                yield return Completion.Result(text, $"{text} {map.Permissions} {map.Path}", map.ToString());
            }
        }

        foreach (IGrouping<string, ProcMap> area in modules.Maps
            .Where(map => map.Path.StartsWith('[') && Completion.Fits(word, map.Path)).GroupBy(map => map.Path))
        {
            yield return Completion.Result(area.Key, area.Key, area.First().ToString());
        }

        foreach (IGrouping<string, ProcModule> file in modules.All
            .Where(module => !module.Name.StartsWith('[') && Completion.Fits(word, module.Name)).GroupBy(module => module.Name))
        {
            yield return Completion.Result(AddressExpression.Quote(file.Key), file.Key,
                string.Join(Environment.NewLine, file.Select(module => module.Path)));
        }

        if (typed.StartsWith('.') && modules.Main is ProcModule main)
        {
            foreach (CompletionResult section in Sections(string.Empty, typed, main))
            {
                yield return section;
            }
        }

        foreach ((ulong type, ulong value) in modules.Auxiliary)
        {
            string? name = AuxiliaryVector.Names.FirstOrDefault(known => known.Type == type).Name;
            if (name is not null && Completion.Fits(word, Auxiliary + name))
            {
                yield return Completion.Result(Auxiliary + name, Auxiliary + name, $"{name}: 0x{value:x}");
            }
        }
    }

    private static IEnumerable<CompletionResult> Symbols(string file, string typed, ProcModules modules)
    {
        ProcModule? module = file.Length == 0 ? modules.Main : modules.Named(file).FirstOrDefault();
        return module is null ? []
            : typed.StartsWith('.') ? Sections($"{file}!", typed, module)
            : module.Symbols().Where(symbol => Completion.Fits(typed, symbol.Name)).DistinctBy(symbol => symbol.Name)
                .OrderBy(symbol => symbol.Name, StringComparer.Ordinal).Take(MostSymbols)
                .Select(symbol => Completion.Result($"{file}!{AddressExpression.QuoteSymbol(symbol.Name)}", symbol.DemangledName,
                    $"{symbol.Type} {symbol.DemangledName}, {symbol.SizeBytes} bytes"));
    }

    private static IEnumerable<CompletionResult> Sections(string prefix, string typed, ProcModule module) =>
        from section in module.Image?.Sections ?? []
        where section.IsLoaded && Completion.Fits(typed, section.Name)
        select Completion.Result(prefix + section.Name, section.Name,
            $"{section.Name} {section.FlagLetters}, {section.SizeBytes} bytes");
}
