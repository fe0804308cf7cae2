using System.CommandLine;
using System.Globalization;
using System.IO.Enumeration;

namespace MemProc.Cli;

/// <summary><c>memproc elf</c>: shows the content of ELF files.</summary>
internal sealed class ElfCommand : Command
{
    private static readonly Column<ElfHeader>[] HeaderColumns =
    [
        new("Bits", 4, header => $"{header.Bits}"),
        new("Type", -12, header => $"{header.Type}"),
        new("Machine", -9, header => $"{header.Machine}"),
        new("Entry", 18, header => ConsoleFormat.Hex(header.EntryPoint)),
        new("BuildId", -40, header => header.BuildId ?? "-"),
        new("Path", 0, header => SafeText.Escape(ElfArchiveMember.FullName(header.Path, header.Member))),
    ];

    private static readonly Column<ElfSegment>[] SegmentColumns =
    [
        new("Nr", 2, segment => $"{segment.Index}"),
        new("Type", -12, segment => segment.TypeName),
        new("Offset", 10, segment => ConsoleFormat.Hex(segment.Offset)),
        new("VirtAddr", 18, segment => ConsoleFormat.Hex(segment.VirtualAddress)),
        new("FileSize", 10, segment => ConsoleFormat.Hex(segment.FileBytes)),
        new("MemSize", 10, segment => ConsoleFormat.Hex(segment.MemoryBytes)),
        new("Perm", -4, segment => segment.Permissions),
        new("Sections", 0, segment => SafeText.Escape(string.Join(' ', segment.Sections))),
    ];

    private static readonly Column<ElfSection>[] SectionColumns =
    [
        new("Nr", 3, section => $"{section.Index}"),
        new("Type", -13, section => section.TypeName),
        new("VirtAddr", 18, section => ConsoleFormat.Hex(section.VirtualAddress)),
        new("Offset", 10, section => ConsoleFormat.Hex(section.Offset)),
        new("Size", 10, section => ConsoleFormat.Hex(section.SizeBytes)),
        new("Flags", -5, section => section.FlagLetters),
        new("Name", 0, section => SafeText.Escape(section.Name)),
    ];

    private static readonly Column<ElfSymbol>[] SymbolColumns =
    [
        new("Value", -18, symbol => ConsoleFormat.Hex(symbol.Value)),
        new("Size", 8, symbol => symbol.SizeBytes.ToString(CultureInfo.InvariantCulture)),
        new("Type", -7, symbol => symbol.TypeName),
        new("Bind", -6, symbol => $"{symbol.Binding}"),
        new("Ndx", 5, symbol => symbol.SectionIndexName),
        new("Name", 0, symbol => SafeText.Escape(symbol.FullName)),
    ];

    public ElfCommand()
        : base("elf", "Shows the content of ELF files: programs, libraries, object files, cores, and the members of archives.")
    {
        Subcommands.Add(new ElfSubcommand<ElfHeader>("header", "Shows the header and the build ID.", HeaderColumns,
            file => [file.Header]));
        Subcommands.Add(new ElfSubcommand<ElfSegment>("segments", "Shows the program headers and the sections in each.",
            SegmentColumns, file => file.SegmentsWithSections()));
        Subcommands.Add(new ElfSubcommand<ElfSection>("sections", "Shows the sections.", SectionColumns, file => file.Sections));
        Subcommands.Add(new ElfSubcommand<ElfSymbol>("symbols",
            "Shows the symbols: of the full symbol table where the file has one, else of the dynamic one.", SymbolColumns,
            file => file.Symbols(file.PreferredTable)));
    }

    /// <summary>One of the subcommands.</summary>
    private sealed class ElfSubcommand<T> : CliCommand
    {
        private readonly Argument<string[]> _paths = new("FILE")
        {
            Description = "ELF files, or archives of object files (.a)",
            Arity = ArgumentArity.OneOrMore,
        };

        private readonly Option<string[]> _members = CommandOptions.List(
            "--member", "PATTERN", "Only members of an archive whose name matches: * is any text, ? one character", text => text);

        private readonly Column<T>[] _columns;
        private readonly Func<ElfFile, IEnumerable<T>> _read;

        public ElfSubcommand(string name, string description, Column<T>[] columns, Func<ElfFile, IEnumerable<T>> read)
            : base(name, description, $"memproc elf {name} /bin/ls")
        {
            _columns = columns;
            _read = read;
            Arguments.Add(_paths);
            Options.Add(_members);
        }

        protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
        {
            Table<T> table = output.BeginTable(_columns);
            foreach (string path in parseResult.GetValue(_paths)!)
            {
                output.ReportErrors(() =>
                {
                    using ElfFileSource source = ElfFileSource.Open(Path.GetFullPath(path), cancellation);
                    if (ElfArchive.TryRead(source) is ElfArchive archive)
                    {
                        AddMembers(table, archive, parseResult.GetValue(_members) ?? [], output, cancellation);
                        return;
                    }

                    using ElfFile file = ElfFile.Read(source);
                    table.AddEach(_read(file), cancellation);
                });
            }

            table.End();
        }

        private void AddMembers(
            Table<T> table, ElfArchive archive, string[] patterns, Output output, CancellationToken cancellation)
        {
            foreach (ElfArchiveMember member in archive.Members())
            {
                cancellation.ThrowIfCancellationRequested();
                if (patterns.Length > 0 && !Array.Exists(
                    patterns, pattern => FileSystemName.MatchesSimpleExpression(pattern, member.Name, ignoreCase: false)))
                {
                    continue;
                }

                // One damaged member does not stop the others.
                output.ReportErrors(() =>
                {
                    using ElfSource source = member.Open();
                    if (ElfFile.IsElf(source))
                    {
                        using ElfFile file = ElfFile.Read(source);
                        table.AddEach(_read(file), cancellation);
                    }
                });
            }
        }
    }
}
