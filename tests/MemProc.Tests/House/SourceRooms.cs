using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace MemProc.Tests;

/// <summary>A use of a type or member that another room of the same assembly declares.</summary>
/// <param name="From">The room that uses it.</param>
/// <param name="To">The room that declares it.</param>
/// <param name="User">File and line of the use, relative to the assembly's folder.</param>
/// <param name="Declaration">The file that declares it.</param>
/// <param name="Name">The used name.</param>
internal sealed record RoomReference(string From, string To, string User, string Declaration, string Name)
{
    public override string ToString() => $"{User} uses {Name} of {Declaration} ({From} -> {To})";
}

/// <summary>
/// The rooms of an assembly: the top-level folders of its sources, and the root as <c>.</c>. References between them are
/// found by the compiler's binding, so that inferred types count too.
/// </summary>
internal static class SourceRooms
{
    /// <summary>The namespaces that ImplicitUsings imports.</summary>
    private const string ImplicitUsings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    private static readonly string[] BuildFolders = ["bin", "obj"];

    /// <summary>Finds all references between rooms, one per pair of files and name.</summary>
    /// <param name="folder">The assembly's folder.</param>
    /// <param name="libraries">Assemblies that it is compiled against, in addition to the runtime.</param>
    public static IReadOnlyList<RoomReference> References(string folder, IEnumerable<string> libraries)
    {
        IEnumerable<string> files = Directory.GetFiles(folder, "*.cs", SearchOption.AllDirectories)
            .Where(file => !BuildFolders.Contains(RoomOf(folder, file)));
        return References(folder, files.Select(file => (file, File.ReadAllText(file))), libraries);
    }

    /// <summary>Finds the references in sources that are passed as text.</summary>
    public static IReadOnlyList<RoomReference> References(
        string folder, IEnumerable<(string Path, string Text)> sources, IEnumerable<string> libraries)
    {
        CSharpParseOptions options = new(LanguageVersion.Preview, DocumentationMode.None);
        string runtime = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        CSharpCompilation compilation = CSharpCompilation.Create(
            "Rooms",
            sources.Select(source => CSharpSyntaxTree.ParseText(source.Text, options, source.Path))
                .Append(CSharpSyntaxTree.ParseText(ImplicitUsings, options)),
            Directory.GetFiles(runtime, "System*.dll").Concat(libraries)
                .Select(file => MetadataReference.CreateFromFile(file)),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true));

        Dictionary<(string, string, string), RoomReference> found = [];
        foreach (SyntaxTree tree in compilation.SyntaxTrees.Where(tree => tree.FilePath.Length > 0))
        {
            SemanticModel model = compilation.GetSemanticModel(tree);
            foreach (SimpleNameSyntax name in tree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>())
            {
                foreach (string declaration in DeclarationsOf(model, name))
                {
                    (string from, string to) = (RoomOf(folder, tree.FilePath), RoomOf(folder, declaration));
                    if (from != to)
                    {
                        string user = Path.GetRelativePath(folder, tree.FilePath);
                        int line = name.GetLocation().GetLineSpan().StartLinePosition.Line + 1;
                        found.TryAdd((user, declaration, name.Identifier.Text), new RoomReference(
                            from, to, $"{user}:{line}", Path.GetRelativePath(folder, declaration), name.Identifier.Text));
                    }
                }
            }
        }

        return [.. found.Values];
    }

    /// <summary>Finds the references that form a cycle of rooms.</summary>
    public static IEnumerable<RoomReference> Loops(IReadOnlyList<RoomReference> references)
    {
        ILookup<string, string> uses = references.ToLookup(reference => reference.From, reference => reference.To);
        return references.Where(reference => Reaches(reference.To, reference.From, uses, []));
    }

    private static bool Reaches(string from, string to, ILookup<string, string> uses, HashSet<string> seen) =>
        from == to || (seen.Add(from) && uses[from].Any(next => Reaches(next, to, uses, seen)));

    private static IEnumerable<string> DeclarationsOf(SemanticModel model, SimpleNameSyntax name)
    {
        SymbolInfo info = model.GetSymbolInfo(name);
        ISymbol? symbol = info.Symbol ?? info.CandidateSymbols.FirstOrDefault();
        if (symbol is null or INamespaceSymbol)
        {
            return [];
        }

        // A member counts where its type is declared. Parts of a partial type belong to the file that has the member.
        INamedTypeSymbol? type = symbol as INamedTypeSymbol ?? symbol.ContainingType;
        ISymbol declared = symbol is IMethodSymbol or IPropertySymbol or IFieldSymbol or IEventSymbol
            && !symbol.DeclaringSyntaxReferences.IsEmpty ? symbol : type?.OriginalDefinition ?? symbol;
        return declared.DeclaringSyntaxReferences.Take(1).Select(reference => reference.SyntaxTree.FilePath);
    }

    private static string RoomOf(string folder, string file)
    {
        string relative = Path.GetRelativePath(folder, file);
        int separator = relative.IndexOf(Path.DirectorySeparatorChar);
        return separator < 0 ? "." : relative[..separator];
    }
}
