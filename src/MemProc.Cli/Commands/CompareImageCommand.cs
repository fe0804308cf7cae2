using System.CommandLine;

namespace MemProc.Cli;

/// <summary><c>memproc compare-image</c>: shows where mapped code and read-only data differ from their files.</summary>
internal sealed class CompareImageCommand : TargetCommand
{
    private static readonly Column<ImageDifference>[] Columns =
    [
        new("Address", -18, difference => ConsoleFormat.Hex(difference.Address)),
        new("Changed", 9, difference => ConsoleFormat.Size(difference.ChangedBytes)),
        new("Module", -24, difference => SafeText.Escape(difference.Module)),
        new("Section", -13, difference => SafeText.Escape(difference.Section ?? "-")),
        new("Explanation", -14, difference => difference.Kind == ImageDifferenceKind.Content
            ? EnumNames.Of(difference.Explanation) : "-"),
        new("What", 0, Describe),
    ];

    private readonly Option<string[]> _path = CommandOptions.List("--path", "PATTERN",
        "Only files whose path matches: * is any text, ? one character. A pattern without a slash is compared with the file "
        + "name", text => text);

    private readonly Option<bool> _unexplained = CommandOptions.Switch(
        "--unexplained", "Only what neither relocations nor the dynamic linker nor the initialization explain");

    public CompareImageCommand()
        : base("compare-image", "Shows where mapped code and read-only data differ from the files that they were loaded from, and "
            + "which files were replaced or deleted.",
            "memproc compare-image 1234",
            "memproc compare-image 1234 --unexplained --path 'libc*'")
    {
        Options.Add(_path);
        Options.Add(_unexplained);
    }

    protected override void Run(
        MemoryTarget process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        MapFilter filter = new()
        {
            Path = parseResult.GetValue(_path) is { Length: > 0 } paths ? MapFilterOptions.Paths(paths) : null,
        };
        ImageComparer comparer = new(process, cancellation)
        {
            Warn = output.WarnOnce,
            UnexplainedOnly = parseResult.GetValue(_unexplained),
        };
        output.WriteTable(Columns, comparer.Compare(filter));
    }

    private static string Describe(ImageDifference difference)
    {
        if (difference.Kind != ImageDifferenceKind.Content)
        {
            return difference.Kind switch
            {
                ImageDifferenceKind.FileReplaced => "another file has the path",
                ImageDifferenceKind.FileDeleted => "the file was deleted",
                _ => $"not compared: {SafeText.Escape(difference.Reason ?? string.Empty)}",
            };
        }

        string place = difference.Symbol is null ? string.Empty
            : SafeText.Escape(difference.Symbol) + (difference.SymbolOffset > 0 ? $"+0x{difference.SymbolOffset:x}" : string.Empty);
        string relocation = difference.Relocation is null ? string.Empty : $" {SafeText.Escape(difference.Relocation)}"
            + (difference.Target is null ? string.Empty : $" -> {SafeText.Escape(difference.Target)}");
        string bytes = difference.Explanation != ImageExplanation.None ? string.Empty
            : $" {ByteText.Preview(difference.PreviousBytes)} -> {ByteText.Preview(difference.Bytes)}";
        return (place + relocation + bytes).Trim();
    }
}
