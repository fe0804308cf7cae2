using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Save-ProcessMemory: memory of processes into core files or raw files.</summary>
[Cmdlet(VerbsData.Save, "ProcessMemory", SupportsShouldProcess = true, DefaultParameterSetName = PathSet)]
[OutputType(typeof(MemoryDump))]
public sealed class SaveProcessMemoryCommand : ProcessCommand
{
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";

    /// <summary>Of each process what is wanted, in the order in which they came.</summary>
    private readonly List<Wanted> _wanted = [];

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
    public ProcAddress[]? Address { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong? Length { get; set; }

    [Parameter]
    public MemoryDumpFormat Format { get; set; }

    [Parameter]
    public SwitchParameter Stop { get; set; }

    [Parameter]
    public SwitchParameter All { get; set; }

    [Parameter]
    public SwitchParameter IncludeDontDump { get; set; }

    [Parameter]
    public SwitchParameter Compress { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void BeginProcessing() => _options = new SaveOptions
    {
        Format = Format,
        Stop = Stop,
        ReadAll = All,
        IncludeDontDump = IncludeDontDump,
        Compress = Compress,
        Overwrite = Force,
    };

    protected override void Process(LinuxProcess process)
    {
        if (_wanted.LastOrDefault(known => known.Process == process.Identity) is not Wanted wanted)
        {
            wanted = new Wanted(process.Identity, []);
            _wanted.Add(wanted);
        }

        if (Address is null)
        {
            wanted.IsWhole = true;
            return;
        }

        // Without a length of their own, addresses stand for their mappings.
        wanted.Ranges.AddRange(Address.Select(address =>
            ProcAddress.FromNumber(address.Resolve(process), Length ?? address.Length)));
    }

    protected override void EndProcessing()
    {
        string? given = Resolve();
        HashSet<string> taken = [];
        foreach (Wanted wanted in given is null ? [] : _wanted)
        {
            Attempt(() =>
            {
                using LinuxProcess process = LinuxProcess.Open(wanted.Process.ProcessId, wanted.Process.StartTicks);
                string path = MemorySaver.FilePath(given!, process.Id, _options);
                if (!taken.Add(path))
                {
                    throw new MemProcException(Operation.WriteFile, Errno.EEXIST,
                        $"'{SafeText.Escape(path)}' takes one process, and has one; process {process.Identity} would "
                        + "replace it. Give each its own, or cores a folder that is there.", path);
                }

                Save(process, wanted.IsWhole ? null : wanted.Ranges, path);
            });
        }
    }

    private void Save(LinuxProcess process, List<ProcAddress>? ranges, string path)
    {
        string what = ranges is null ? "Save the memory" : $"Save {ranges.Count} ranges of the memory";
        string how = Stop ? ", holding it still meanwhile," : string.Empty;
        string action = $"{what} of process {process.Identity}{how} to '{SafeText.Escape(path)}'";
        if (!ShouldProcess(action, $"{action}. Go on?", "Save-ProcessMemory"))
        {
            return;
        }

        if (Stop)
        {
            WarnBeforeStop();
        }

        ulong all = Math.Max(MemoryStatusReader.Read(process).VmRssBytes ?? 1, 1);
        Progress progress = new(this, $"Saving process {process.Identity}");
        try
        {
            MemoryDump dump = MemorySaver.Save(process, ranges, path, _options, done =>
                progress.Tell(Math.Min(done, all), all, HumanSize.Format(done)), Cancellation);
            if (!dump.IsConsistent)
            {
                WriteWarning(Format == MemoryDumpFormat.Core ? MemorySaver.NoRegisters : MemorySaver.NotConsistent);
            }

            WriteObject(dump);
        }
        catch (MemProcException error) when (error.Errno == Errno.EEXIST && !Force)
        {
            throw new MemProcException(error.Operation, error.Errno, $"{error.Message} -Force replaces it.", error.Target);
        }
        finally
        {
            progress.End();
        }
    }

    /// <summary>The file system's path; null where it is none, which has been told then.</summary>
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
                $"{SafeText.Escape(Path + LiteralPath)} is no single path of the file system.", Path + LiteralPath));
        }
        catch (Exception error) when (error is SessionStateException or ItemNotFoundException)
        {
            WriteError(Failure.BadArgument(ParameterSetName,
                $"{SafeText.Escape(error.Message)} A name with wildcard characters is given by -LiteralPath.", Path));
        }

        return null;
    }

    private sealed record Wanted(ProcessIdentity Process, List<ProcAddress> Ranges)
    {
        public bool IsWhole { get; set; }
    }
}
