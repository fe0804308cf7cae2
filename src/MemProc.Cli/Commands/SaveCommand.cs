using System.CommandLine;
using MemProc.Interop;

namespace MemProc.Cli;

/// <summary><c>memproc save</c>: saves the memory of a process to a core file or raw files.</summary>
internal sealed class SaveCommand : ProcessCommand
{
    private readonly Argument<string> _path = new("PATH")
    {
        Description = "The core file, or the folder for --format raw; core.PID if it is an existing folder",
    };

    private readonly Option<MemoryDumpFormat?> _format = CommandOptions.EnumOption<MemoryDumpFormat>(
        "--format", "FORMAT", "One ELF core file, or a folder with a file for each mapping and an index");

    private readonly Option<AddressExpression[]> _address = CommandOptions.List(
        "--address", "ADDRESS", "Only the mapping that contains this address", AddressExpression.Parse);

    private readonly Option<ulong?> _length = CommandOptions.LengthOption(
        "Number of bytes from --address on, instead of its whole mapping");

    private readonly Option<string[]> _mapping = CommandOptions.List(
        "--mapping", "PATTERN", "Only mappings whose path matches: * is any text, ? one character. A pattern without a "
        + "slash is compared with the file name", text => text);

    private readonly Option<bool> _stop = CommandOptions.Switch(
        "--stop", "Stop the process meanwhile, so that the memory is consistent and a core has the registers");

    private readonly Option<bool> _all = CommandOptions.Switch(
        "--all", "Include what is swapped out or not read from files yet. The process grows");

    private readonly Option<bool> _allowUserfault = CommandOptions.AllowUserfault();

    private readonly Option<bool> _dontDump = CommandOptions.Switch(
        "--include-dont-dump", "Include what the process excludes from dumps");

    private readonly Option<bool> _pageInfo = CommandOptions.Switch(
        "--page-info", "Add pagemap entries, smaps, and the page flags of the frames to a core. The latter require root");

    private readonly Option<bool> _noContent = CommandOptions.Switch("--no-content", "Leave the memory out of a core");

    private readonly Option<bool> _compress = CommandOptions.Switch("--compress", "Compress with gzip");
    private readonly Option<bool> _force = CommandOptions.Switch("--force", "Replace existing files");

    public SaveCommand()
        : base("save", "Saves the memory of a process to an ELF core file for debuggers, or to raw files.",
            "memproc save 1234 core.1234 --stop",
            "memproc save 1234 dump --format raw --mapping '[heap]' --mapping '[stack]'",
            "memproc save 1234 core.1234.gz --compress",
            "memproc save 1234 layout.1234 --page-info --no-content")
    {
        Arguments.Add(_path);
        Options.Add(_format);
        Options.Add(_address);
        Options.Add(_length);
        Options.Add(_mapping);
        Options.Add(_stop);
        Options.Add(_all);
        Options.Add(_allowUserfault);
        Options.Add(_dontDump);
        Options.Add(_pageInfo);
        Options.Add(_noContent);
        Options.Add(_compress);
        Options.Add(_force);
    }

    protected override string? Validate(ParseResult parseResult) =>
        parseResult.Has(_length) && !parseResult.Has(_address) ? "--length requires --address."
        : parseResult.Has(_mapping) && parseResult.Has(_address) ? "Specify --address or --mapping, not both."
        : MemorySaver.Conflict(OptionsOf(parseResult));

    protected override void Run(
        LinuxProcess process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        SaveOptions options = OptionsOf(parseResult);
        if (options.Stop)
        {
            output.WarnBeforeStop();
        }

        string path = MemorySaver.FilePath(Path.GetFullPath(parseResult.GetValue(_path)!), process.Id, options);
        try
        {
            WriteSummary(output, MemorySaver.Save(process, Ranges(parseResult, process, cancellation), path, options, _ => { }, cancellation));
        }
        catch (MemProcException error) when (error.Errno == Errno.EEXIST && !options.Overwrite)
        {
            output.Fail($"{error.Message} Use --force to replace it.");
        }
    }

    private SaveOptions OptionsOf(ParseResult parseResult) => new()
    {
        Format = parseResult.GetValue(_format) ?? MemoryDumpFormat.Core,
        Stop = parseResult.GetValue(_stop),
        ReadAll = parseResult.GetValue(_all),
        AllowUserfault = parseResult.GetValue(_allowUserfault),
        IncludeDontDump = parseResult.GetValue(_dontDump),
        PageInfo = parseResult.GetValue(_pageInfo),
        NoContent = parseResult.GetValue(_noContent),
        Compress = parseResult.GetValue(_compress),
        Overwrite = parseResult.GetValue(_force),
    };

    private AddressExpression[]? Ranges(ParseResult parseResult, LinuxProcess process, CancellationToken cancellation)
    {
        if (parseResult.GetValue(_mapping) is { Length: > 0 } patterns)
        {
            MapFilter filter = new() { Path = MapFilterOptions.Paths(patterns) };
            AddressExpression[] found = [.. MapReader.Read(process, cancellation).Where(filter.Matches)
                .Select(map => AddressExpression.FromNumber(map.Start, map.SizeBytes))];
            return found.Length > 0 ? found : throw new MemProcException(
                Operation.FindMap, Errno.ENOENT, $"Process {process.Identity} has no mapping that matches --mapping.", process.Id);
        }

        return parseResult.GetValue(_address) is { Length: > 0 } addresses
            ? [.. AddressResolution.Resolve(process, addresses, cancellation)
                .Select(address => AddressExpression.FromNumber(address, parseResult.GetValue(_length)))]
            : null;
    }

    private static void WriteSummary(Output output, MemoryDump dump)
    {
        if (dump.MissingPageInfo is string missing)
        {
            output.Warn(missing);
        }

        if (output.IsJson)
        {
            output.WriteJson(dump);
            return;
        }

        string threads = dump.ThreadCount > 0 ? $" and {dump.ThreadCount} threads" : string.Empty;
        output.WriteLine($"Saved {HumanSize.Format(dump.SavedBytes)} of {dump.MappingCount} mappings{threads} of process "
            + $"{dump.ProcessId} ({SafeText.Escape(dump.ProcessName)}) to {SafeText.Escape(dump.Path)}.");
        foreach (IGrouping<string, MemoryGap> gaps in dump.Gaps.GroupBy(gap => gap.Describe()))
        {
            ulong length = gaps.Aggregate(0UL, (sum, gap) => sum + gap.Length);
            output.WriteLine($"{HumanSize.Format(length)} in {gaps.Count()} places: {gaps.Key}");
        }

        if (!dump.IsConsistent)
        {
            output.Warn(dump.Format == MemoryDumpFormat.Core ? MemorySaver.NoRegisters : MemorySaver.NotConsistent);
        }
    }
}
