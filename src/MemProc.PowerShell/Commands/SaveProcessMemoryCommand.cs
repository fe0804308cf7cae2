using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Save-ProcessMemory: saves the memory of processes to core files or raw files.</summary>
[Cmdlet(VerbsData.Save, "ProcessMemory", SupportsShouldProcess = true, DefaultParameterSetName = PathSet)]
[OutputType(typeof(MemoryDump))]
public sealed class SaveProcessMemoryCommand : AddressCommand
{
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";

    /// <summary>What to save of each process, in the order in which they came.</summary>
    private readonly List<SaveRequest> _requests = [];

    private SaveOptions _options = new();

    [Parameter(Mandatory = true, Position = 1, ParameterSetName = PathSet)]
    [Alias("OutFile")]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = string.Empty;

    [Parameter(Mandatory = true, ParameterSetName = LiteralPathSet)]
    [Alias("LP")]
    [ValidateNotNullOrEmpty]
    public string LiteralPath { get; set; } = string.Empty;

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public override AddressExpression[]? Address { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public override ulong? Length { get; set; }

    [Parameter]
    public MemoryDumpFormat Format { get; set; }

    [Parameter]
    public SwitchParameter Stop { get; set; }

    [Parameter]
    public SwitchParameter All { get; set; }

    [Parameter]
    public SwitchParameter AllowUserfault { get; set; }

    [Parameter]
    public SwitchParameter IncludeDontDump { get; set; }

    [Parameter]
    public SwitchParameter PageInfo { get; set; }

    [Parameter]
    public SwitchParameter NoContent { get; set; }

    [Parameter]
    public SwitchParameter Compress { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _options = new SaveOptions
        {
            Format = Format,
            Stop = Stop,
            ReadAll = All,
            AllowUserfault = AllowUserfault,
            IncludeDontDump = IncludeDontDump,
            PageInfo = PageInfo,
            NoContent = NoContent,
            Compress = Compress,
            Overwrite = Force,
        };
        if (MemorySaver.Conflict(_options) is string conflict)
        {
            ThrowBadArgument(nameof(Format), conflict, Format);
        }
    }

    private protected override void ProcessWhole(LinuxProcess process) => RequestOf(process).IsWhole = true;

    /// <summary>Notes a range. An address without a length stands for its whole mapping.</summary>
    private protected override bool TakesVsyscall => true;

    private protected override void ProcessAddress(LinuxProcess process, ulong address, ulong? length) =>
        RequestOf(process).Ranges.Add(AddressExpression.FromNumber(address, length));

    protected override void EndProcessing()
    {
        string? given = Resolve();
        HashSet<string> taken = [];
        foreach (SaveRequest request in given is null ? [] : _requests)
        {
            ReportErrors(() =>
            {
                OpenProcesses.ThrowIfGone(request.Process);
                string path = MemorySaver.FilePath(given!, request.Process.Id, _options);
                if (!taken.Add(path))
                {
                    throw new MemProcException(Operation.WriteFile, Errno.EEXIST,
                        $"'{SafeText.Escape(path)}' already has the memory of another process; process "
                        + $"{request.Process.Identity} would replace it. Specify a path for each process, or an existing "
                        + "folder for cores.", path);
                }

                Save(request.Process, request.IsWhole ? null : request.Ranges, path);
            });
        }
    }

    private void Save(LinuxProcess process, List<AddressExpression>? ranges, string path)
    {
        string what = ranges is null ? "Save the memory" : $"Save {ranges.Count} ranges of the memory";
        string how = Stop ? " while it is stopped" : string.Empty;
        if (!Confirm($"{what} of process {process.Identity}{how} to '{SafeText.Escape(path)}'"))
        {
            return;
        }

        if (Stop)
        {
            WarnBeforeStop();
        }

        ulong all = Math.Max(MemoryStatusReader.Read(process).VmRssBytes ?? 1, 1);
        using Progress progress = new(this, $"Saving process {process.Identity}");
        try
        {
            MemoryDump dump = MemorySaver.Save(process, ranges, path, _options, done =>
                progress.Report(Math.Min(done, all), all, HumanSize.Format(done)), Cancellation);
            if (!dump.IsConsistent)
            {
                WriteWarning(Format == MemoryDumpFormat.Core ? MemorySaver.NoRegisters : MemorySaver.NotConsistent);
            }

            if (dump.MissingPageInfo is string missing)
            {
                WriteWarning(missing);
            }

            WriteObject(dump);
        }
        catch (MemProcException error) when (error.Errno == Errno.EEXIST && !Force)
        {
            throw Failure.Replaceable(error);
        }
    }

    private SaveRequest RequestOf(LinuxProcess process)
    {
        SaveRequest? request = _requests.Find(known => known.Process == process);
        if (request is null)
        {
            Processes.Keep(process);
            _requests.Add(request = new SaveRequest(process, []));
        }

        return request;
    }

    /// <summary>Returns the path in the file system; null where it is none, which has been reported then.</summary>
    private string? Resolve()
    {
        try
        {
            ProviderInfo provider;
            string path;
            if (ParameterSetName == PathSet && WildcardPattern.ContainsWildcardCharacters(Path))
            {
                path = GetResolvedProviderPathFromPSPath(Path, out provider) is [string only] ? only : string.Empty;
            }
            else
            {
                path = SessionState.Path.GetUnresolvedProviderPathFromPSPath(
                    ParameterSetName == PathSet ? Path : LiteralPath, out provider, out _);
            }

            if (provider.Name == "FileSystem" && path.Length > 0)
            {
                return path;
            }

            WriteError(Failure.BadArgument(ParameterSetName,
                $"{SafeText.Escape(Path + LiteralPath)} is not a single path of the file system.", Path + LiteralPath));
        }
        catch (Exception error) when (error is SessionStateException or WildcardPatternException)
        {
            WriteError(Failure.BadArgument(ParameterSetName,
                $"{SafeText.Escape(error.Message)} Use -LiteralPath for a name with wildcard characters.", Path));
        }

        return null;
    }

    /// <summary>What to save of a process.</summary>
    private sealed record SaveRequest(LinuxProcess Process, List<AddressExpression> Ranges)
    {
        /// <summary>All of its memory, whatever the ranges.</summary>
        public bool IsWhole { get; set; }
    }
}
