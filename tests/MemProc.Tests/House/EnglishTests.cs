using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace MemProc.Tests;

/// <summary>Checks that names, messages and help use the usual technical terms.</summary>
public sealed partial class EnglishTests
{
    private static readonly string Root = Programs.Remembered("RepoRoot");

    /// <summary>The tokens of all sources except this one, which contains the words as patterns.</summary>
    private static readonly Lazy<(string File, SyntaxToken Token)[]> Tokens = new(() =>
    [
        .. from file in Sources("*.cs")
           where Path.GetFileName(file) != "EnglishTests.cs"
           from token in CSharpSyntaxTree.ParseText(File.ReadAllText(file)).GetRoot().DescendantTokens()
           select (Path.GetRelativePath(Root, file), token),
    ]);

    [Fact]
    public void Names_are_usual_terms() => AssertNone(
        from source in Tokens.Value
        where source.Token.IsKind(SyntaxKind.IdentifierToken) && UnusualName().IsMatch(source.Token.Text)
            && IsDeclared(source.Token)
        select $"{source.File}:{LineOf(source.Token)}: {source.Token.Text}");

    [Fact]
    public void Messages_are_plain() => AssertNone(
        from source in Tokens.Value
        where source.Token.Kind() is SyntaxKind.StringLiteralToken or SyntaxKind.InterpolatedStringTextToken
            && source.Token.ValueText != "nobody" && OddPhrase().IsMatch(source.Token.ValueText)
        select $"{source.File}:{LineOf(source.Token)}: {source.Token.ValueText}");

    [Fact]
    public void Documents_and_docstrings_are_plain() => AssertNone(
        from file in Sources("*.md").Concat(Sources("*.cs"))
        let isCode = file.EndsWith(".cs", StringComparison.Ordinal)
        from line in File.ReadLines(file).Select((text, index) => (Text: text, Number: index + 1))
        where !isCode || line.Text.TrimStart().StartsWith("//", StringComparison.Ordinal)
        where OddPhrase().IsMatch(line.Text)
        select $"{Path.GetRelativePath(Root, file)}:{line.Number}: {line.Text.Trim()}");

    private static IEnumerable<string> Sources(string pattern) =>
        from folder in (string[])[Path.Combine(Root, "src"), Path.Combine(Root, "tests"), Path.Combine(Root, "bench"),
            Path.Combine(Root, "docs")]
        from file in Directory.GetFiles(folder, pattern, SearchOption.AllDirectories)
        where !file.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj")
        select file;

    /// <summary>Returns whether an identifier is the name of a declaration.</summary>
    private static bool IsDeclared(SyntaxToken token) => token.Parent is BaseTypeDeclarationSyntax or MethodDeclarationSyntax
        or PropertyDeclarationSyntax or VariableDeclaratorSyntax or ParameterSyntax or EnumMemberDeclarationSyntax
        or LocalFunctionStatementSyntax or DelegateDeclarationSyntax or SingleVariableDesignationSyntax
        or ForEachStatementSyntax;

    private static int LineOf(SyntaxToken token) => token.GetLocation().GetLineSpan().StartLinePosition.Line + 1;

    private static void AssertNone(IEnumerable<string> found) =>
        Assert.True(!found.Any(), string.Join(Environment.NewLine, found.Take(40)));

    [GeneratedRegex("^(Most|Longest|Largest|Smallest|Fewest|Deepest|Shortest|Usual)[A-Z]|Patience|^Breath|Glance|^Told|^Given$")]
    private static partial Regex UnusualName();

    [GeneratedRegex(
        @"(?<!there )\bis no (valid )?(address|pattern|number|name|file|size|type|mapping|flag|method)\b|\btakes? (CAP_|root)|\bGo on\?"
        + @"|\b(whoever|whosever|nobody|somebody)\b(?!\W*=)|\bby and by\b|\bon and on\b|\blies? about\b|\bis let go\b|\blets? \w+ in\b"
        + @"|\b(process|it) has ended\b|\bis over\b|\bstands? behind\b|\bbehind (the|each|it|a|them)\b|\bword of pagemap\b|\btells? (for|how|whether|which)\b")]
    private static partial Regex OddPhrase();
}
