using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>The base of cmdlets about ELF files in the file system, and ELF images in processes.</summary>
public abstract class ElfCommand : ElfFileCommand
{
    /// <summary>Files by path, with wildcards.</summary>
    protected const string PathSet = "Path";

    /// <summary>Files by their exact names.</summary>
    protected const string LiteralPathSet = "LiteralPath";

    /// <summary>Images in processes.</summary>
    protected const string IdSet = "Id";

    /// <summary>Images in core files.</summary>
    protected const string CoreSet = "CorePath";

    private readonly HashSet<(int Process, ulong Start, string? Core, ulong Image)> _done = [];
    private PathPatterns? _paths;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = PathSet)]
    [Parameter(Position = 0, ParameterSetName = IdSet)]
    [Parameter(Position = 0, ParameterSetName = CoreSet)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ElfPathCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Path { get; set; }

    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = LiteralPathSet)]
    [Alias("PSPath", "LP")]
    public string[] LiteralPath { get; set; } = [];

    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[]? Member { get; set; }

    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = IdSet)]
    [Alias("PID", "ProcessId")]
    [ProcessIdTransformation(hasName: false)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ProcessIdCompleter))]
    public ProcessSelector[] Id { get; set; } = [];

    // In the set of a process for objects from cores, which have a process id, too.
    [Parameter(Mandatory = true, ParameterSetName = CoreSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = IdSet)]
    [AllowNull]
    [AllowEmptyCollection]
    public string[]? CorePath { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = IdSet)]
    [Parameter(ParameterSetName = CoreSet)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public AddressExpression[]? Address { get; set; }

    /// <summary>The start time that the module's objects carry, so that a reused process id is noticed.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = IdSet, DontShow = true)]
    public ulong? ProcessStartTicks { get; set; }

    /// <summary>The object of the pipeline as a whole, where it is about a process.</summary>
    [Parameter(ValueFromPipeline = true, DontShow = true, ParameterSetName = IdSet)]
    [ProcessObject]
    public PSObject? InputObject { get; set; }

    /// <summary>The work on a file.</summary>
    protected abstract void Write(ElfFile file);

    /// <summary>The work on an image in a process.</summary>
    protected abstract void Write(MappedImage image);

    protected override void ProcessRecord()
    {
        RefuseEmptyCore(CorePath);
        if (PipelineInput.HasCore(CorePath))
        {
            foreach (string path in CorePath)
            {
                ReportErrors(() => ReadProcess(OpenCore(path)));
            }

            return;
        }

        if (ParameterSetName == IdSet)
        {
            if (!PipelineInput.Accepts(this, InputObject, Id.Length > 0))
            {
                return;
            }

            foreach (ProcessSelector one in Id)
            {
                ReportErrors(() => ReadProcess(Processes.Open(one.Id!.Value, one.StartTicks ?? ProcessStartTicks)));
            }

            return;
        }

        foreach ((string file, bool isNamed) in FilePaths.Resolve(this, Path, LiteralPath, ParameterSetName == LiteralPathSet))
        {
            ReportErrors(() => ReadFile(file, isNamed, Member, Write));
        }
    }

    protected override void EndProcessing() => _paths?.WriteUnmatched(this);

    private void ReadProcess(MemoryTarget process)
    {
        using MappedImages images = new(process, Cancellation);
        if (Address is null)
        {
            if (Path is not null)
            {
                _paths ??= new PathPatterns(Path);
            }

            Write(process, images.Loaded(_paths is null ? null : _paths.Matches, WriteError));
            _paths?.Complete();
            return;
        }

        foreach (AddressExpression address in Address)
        {
            // One bad address does not stop the others.
            ReportErrors(() =>
            {
                try
                {
                    Write(process, [images.ImageAt(address.Resolve(images))]);
                }
                catch (MemProcException error) when (error.Errno == Errno.ENOEXEC && MyInvocation.ExpectingInput)
                {
                    // Most mappings of a process are not ELF images; the user has not asked for those by name.
                    WriteVerbose(error.Message);
                }
            });
        }
    }

    private void Write(MemoryTarget process, IEnumerable<MappedImage> images)
    {
        foreach (MappedImage image in images)
        {
            // The mappings of one file come down the pipeline one after the other.
            if (_done.Add((process.Id, process.Identity.StartTicks, process.CorePath, image.Start)))
            {
                WriteVerbose($"{SafeText.Escape(image.Elf.Name)} at 0x{image.Start:x}");
                ReportErrors(() => Write(image));
            }
        }
    }
}
