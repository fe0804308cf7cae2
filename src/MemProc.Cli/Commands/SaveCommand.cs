using System.CommandLine;
using MemProc.Interop;

namespace MemProc.Cli;

/// <summary><c>memproc save</c>: memory of a process into a core file or raw files.</summary>
internal sealed class SaveCommand : CliCommand
{
    private readonly Argument<int> _process = Given.Process();

    private readonly Argument<string> _path = new("PATH")
    {
        Description = "The core file, or the folder for --format raw; core.PID in a folder that is there",
    };

    private readonly Option<MemoryDumpFormat?> _format = Given.Word<MemoryDumpFormat>(
        "--format", "FORMAT", "One ELF core file, or a folder with a file a mapping and an index");

    private readonly Option<ProcAddress[]> _address = Given.List(
        "--address", "ADDRESS", "Only the mapping that holds this address", ProcAddress.Parse);

    private readonly Option<ulong?> _length = Given.Option<ulong?>(
        "--length", "LENGTH", "So many bytes from --address on instead of its whole mapping",
        text => Numbers.Length(text));

    private readonly Option<string[]> _mapping = Given.List(
        "--mapping", "PATTERN", "Only mappings whose path fits: * is any text, ? one character; a pattern without a "
        + "slash is held against the file name", text => text);

    private readonly Option<bool> _stop = Given.Switch(
        "--stop", "Hold the process meanwhile: all of one moment, and a core has its registers");

    private readonly Option<bool> _all = Given.Switch(
        "--all", "Read what is swapped out or not let in from files, too; the process grows by it");

    private readonly Option<bool> _dontDump = Given.Switch(
        "--include-dont-dump", "Read what the process wants in no dump, too");

    private readonly Option<bool> _compress = Given.Switch("--compress", "Compress by gzip");
    private readonly Option<bool> _force = Given.Switch("--force", "Replace what is there");

    public SaveCommand()
        : base("save", "Saves memory of a process: to an ELF core for debuggers, or to raw files.",
            "memproc save 1234 core.1234 --stop",
            "memproc save 1234 dump --format raw --mapping '[heap]' --mapping '[stack]'",
            "memproc save 1234 core.1234.gz --compress")
    {
        Arguments.Add(_process);
        Arguments.Add(_path);
        Options.Add(_format);
        Options.Add(_address);
        Options.Add(_length);
        Options.Add(_mapping);
        Options.Add(_stop);
        Options.Add(_all);
        Options.Add(_dontDump);
        Options.Add(_compress);
        Options.Add(_force);
    }

    protected override string? Fault(ParseResult given) =>
        given.Has(_length) && !given.Has(_address) ? "--length is about --address."
        : given.Has(_mapping) && given.Has(_address) ? "Give --address or --mapping, not both."
        : null;

    protected override void Run(ParseResult given, Output output, CancellationToken cancellation)
    {
        using LinuxProcess process = LinuxProcess.Open(given.GetValue(_process));
        SaveOptions options = new()
        {
            Format = given.GetValue(_format) ?? MemoryDumpFormat.Core,
            Stop = given.GetValue(_stop),
            ReadAll = given.GetValue(_all),
            IncludeDontDump = given.GetValue(_dontDump),
            Compress = given.GetValue(_compress),
            Overwrite = given.GetValue(_force),
        };
        string path = MemorySaver.FilePath(Path.GetFullPath(given.GetValue(_path)!), process.Id, options);
        try
        {
            Tell(output, MemorySaver.Save(process, Ranges(given, process, cancellation), path, options, _ => { }, cancellation));
        }
        catch (MemProcException error) when (error.Errno == Errno.EEXIST && !options.Overwrite)
        {
            output.Fail($"{error.Message} --force replaces it.");
        }
    }

    private ProcAddress[]? Ranges(ParseResult given, LinuxProcess process, CancellationToken cancellation)
    {
        if (given.GetValue(_mapping) is { Length: > 0 } patterns)
        {
            MapFilter filter = new() { Path = PathPattern.Any(patterns) };
            ProcAddress[] found = [.. MapReader.Read(process, cancellation).Where(filter.Matches)
                .Select(map => ProcAddress.FromNumber(map.Start, map.SizeBytes))];
            return found.Length > 0 ? found : throw new MemProcException(
                Operation.FindMap, Errno.ENOENT, $"Process {process.Identity} has no such mapping.", process.Id);
        }

        return given.GetValue(_address) is { Length: > 0 } addresses
            ? [.. AddressResolution.Resolve(process, addresses, cancellation)
                .Select(address => ProcAddress.FromNumber(address, given.GetValue(_length)))]
            : null;
    }

    private static void Tell(Output output, MemoryDump dump)
    {
        if (output.IsJson)
        {
            output.WriteJson(dump);
            return;
        }

        string threads = dump.ThreadCount > 0 ? $" and {dump.ThreadCount} threads" : string.Empty;
        output.WriteLine($"{HumanSize.Format(dump.SavedBytes)} of {dump.MappingCount} mappings{threads} of process "
            + $"{dump.ProcessId} ({SafeText.Escape(dump.ProcessName)}) are in {SafeText.Escape(dump.Path)}.");
        foreach (IGrouping<string, MemoryGap> gaps in dump.Gaps.GroupBy(gap => gap.Describe()))
        {
            ulong length = gaps.Aggregate(0UL, (sum, gap) => sum + gap.Length);
            output.WriteLine($"{HumanSize.Format(length)} in {gaps.Count()} places: {gaps.Key}");
        }

        if (!dump.IsConsistent)
        {
            output.Tell(dump.Format == MemoryDumpFormat.Core ? MemorySaver.NoRegisters : MemorySaver.NotConsistent);
        }
    }
}
