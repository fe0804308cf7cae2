using System.CommandLine;
using System.IO.Enumeration;

namespace MemProc.Cli;

/// <summary><c>memproc disasm</c>: disassembles the code of a process or a file.</summary>
internal sealed class DisassembleCommand : CliCommand
{
    private readonly Argument<(int ProcessId, string? Core)> _process =
        CommandOptions.Target(TargetCommand.CorePrefix, "; omitted with --file");
    private readonly Argument<AddressExpression?> _address = CommandOptions.Address("Address of the first instruction", orNone: true);
    private readonly Argument<ulong?> _length = CommandOptions.Length(
        "Number of bytes in which instructions begin; to the end of the function if omitted, or 16 instructions without one");

    private readonly Option<string?> _file = CommandOptions.Option(
        "--file", "FILE", "Disassemble an ELF file, or the members of an archive (.a)", text => text);

    private readonly Option<string[]> _sections = CommandOptions.List("--section", "PATTERN",
        "With --file, only sections whose name matches: * is any text, ? one character; those with code if omitted", text => text);

    private readonly Option<string[]> _symbols = CommandOptions.List(
        "--symbol", "NAME", "Disassemble a function: main, libc.so.6!malloc", text => text);

    private readonly Option<ulong?> _count = CommandOptions.Option<ulong?>("--count", "INSTRUCTIONS",
        "Maximum number of instructions: from the address, or of each section or function", text => NumberParser.ParseCount(text));

    private readonly Option<AssemblySyntax?> _syntax = CommandOptions.EnumOption<AssemblySyntax>(
        "--syntax", "SYNTAX", "How instructions are written; att if omitted");

    private readonly Option<int?> _bits = CommandOptions.Option<int?>(
        "--bits", "BITS", "Decode as code of 16, 32 or 64 bits, whatever the file or process is", Bits);

    private readonly Option<bool> _residentOnly = CommandOptions.Switch(
        "--resident-only", "Disassemble only resident pages, so that none is faulted in");

    private readonly Option<bool> _allowUserfault = CommandOptions.AllowUserfault();

    public DisassembleCommand()
        : base("disasm", "Disassembles x86 and x86-64 code of a process or a file.",
            "memproc disasm 1234 'libc.so.6!malloc'",
            "memproc disasm 1234 0x7ffd2de47000 --count 20 --syntax intel",
            "memproc disasm 1234 --symbol main",
            "memproc disasm --core core.1234 '!main' --count 20",
            "memproc disasm --file /bin/ls --section .text --json")
    {
        _process.Arity = ArgumentArity.ZeroOrOne;
        Arguments.Add(_process);
        Arguments.Add(_address);
        Arguments.Add(_length);
        foreach (Option option in (Option[])[_file, _sections, _symbols, _count, _syntax, _bits, _residentOnly, _allowUserfault,
            TargetCommand.CoreFileOption()])
        {
            Options.Add(option);
        }
    }

    protected override string? Validate(ParseResult parseResult)
    {
        bool isFile = parseResult.Has(_file);
        return isFile == parseResult.Has(_process) ? "Specify either PID or --file."
            : isFile && (parseResult.Has(_residentOnly) || parseResult.Has(_allowUserfault))
            ? "--resident-only and --allow-userfault require PID."
            : isFile && parseResult.Has(_sections) && parseResult.Has(_symbols) ? "Specify --section or --symbol, not both."
            : !isFile && parseResult.Has(_sections) ? "--section requires --file."
            : !isFile && parseResult.Has(_symbols) == parseResult.Has(_address) ? "Specify either ADDRESS or --symbol."
            : parseResult.Has(_length) && parseResult.Has(_count) ? "Specify LENGTH or --count, not both."
            : null;
    }

    protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        DisassemblyOptions options = new(
            parseResult.GetValue(_syntax) ?? AssemblySyntax.Att, parseResult.GetValue(_bits));
        ulong? count = parseResult.GetValue(_count);
        string[] symbols = parseResult.GetValue(_symbols) ?? [];
        if (parseResult.GetValue(_file) is string path)
        {
            string[] patterns = parseResult.GetValue(_sections) ?? [];
            Func<string, bool>? isSelected = patterns.Length == 0 ? null : name => Array.Exists(
                patterns, pattern => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false));
            ForEachFile(path, output, file =>
            {
                ElfDisassembler disassembler = new(file, options, cancellation);
                if (symbols.Length == 0)
                {
                    Write(output, disassembler.DisassembleSections(isSelected, count), cancellation);
                }

                foreach (string symbol in symbols)
                {
                    output.ReportErrors(() => Write(output, disassembler.DisassembleSymbol(symbol, count), cancellation));
                }
            }, cancellation);
            return;
        }

        (int processId, string? core) = parseResult.GetValue(_process);
        using MemoryTarget process = core is null ? LinuxProcess.Open(processId) : CoreFile.Open(core, cancellation);
        MemoryReader reader = new(process, ReadMethod.Auto, cancellation)
        {
            ResidentOnly = parseResult.GetValue(_residentOnly),
            AllowUserfault = parseResult.GetValue(_allowUserfault),
        };
        using ProcessDisassembler ofProcess = new(process, reader, options, output.Warn, cancellation);
        Action<MemProcException> fail = error => output.Fail(error.Message);
        if (parseResult.Resolve(_address, process, cancellation) is ulong address)
        {
            Write(output, ofProcess.Disassemble(address, parseResult.GetValue(_length), count, fail), cancellation);
        }

        foreach (string symbol in symbols)
        {
            output.ReportErrors(() => Write(
                output, ofProcess.Disassemble(ofProcess.AddressOf(symbol), null, count, fail), cancellation));
        }
    }

    private static void ForEachFile(string path, Output output, Action<ElfFile> work, CancellationToken cancellation)
    {
        using ElfFileSource source = ElfFileSource.Open(Path.GetFullPath(path), cancellation);
        if (ElfArchive.TryRead(source) is not ElfArchive archive)
        {
            using ElfFile file = ElfFile.Read(source);
            work(file);
            return;
        }

        foreach (ElfArchiveMember member in archive.Members())
        {
            cancellation.ThrowIfCancellationRequested();
            // One damaged member does not stop the others.
            output.ReportErrors(() =>
            {
                using ElfSource content = member.Open();
                if (ElfFile.IsElf(content))
                {
                    using ElfFile file = ElfFile.Read(content);
                    work(file);
                }
            });
        }
    }

    /// <summary>Writes instructions as lines below headings, each as soon as it is available.</summary>
    private static void Write<T>(Output output, IEnumerable<T> instructions, CancellationToken cancellation)
        where T : MachineInstruction
    {
        string? heading = null;
        foreach (T instruction in instructions)
        {
            cancellation.ThrowIfCancellationRequested();
            if (output.IsJson)
            {
                output.WriteJson(instruction);
                continue;
            }

            string current = InstructionText.Heading(instruction);
            if (current != heading)
            {
                output.WriteLine(string.Empty);
                output.WriteLine(current);
                heading = current;
            }

            output.WriteLine(InstructionText.Line(instruction));
        }
    }

    /// <exception cref="FormatException">It is not a kind of code.</exception>
    private static int? Bits(string text) => text switch
    {
        "16" => 16,
        "32" => 32,
        "64" => 64,
        _ => throw new FormatException($"'{SafeText.Escape(text)}' is not valid. Valid values are 16, 32, 64."),
    };
}
