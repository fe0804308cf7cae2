using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>A cmdlet about ELF files: of the file system, or as processes have them loaded.</summary>
public abstract class ElfCommand : MemProcCommand
{
    /// <summary>Files by path, with wildcards.</summary>
    protected const string PathSet = "Path";

    /// <summary>Files by their exact names.</summary>
    protected const string LiteralPathSet = "LiteralPath";

    /// <summary>What processes have loaded.</summary>
    protected const string IdSet = "Id";

    private readonly HashSet<(int Process, ulong Start, ulong Image)> _done = [];

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = PathSet)]
    [Parameter(Position = 0, ParameterSetName = IdSet)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ElfPathCompleter))]
    public string[]? Path { get; set; }

    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = LiteralPathSet)]
    [Alias("PSPath", "LP")]
    public string[] LiteralPath { get; set; } = [];

    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = IdSet)]
    [Alias("PID", "ProcessId")]
    [ValidateRange(1, int.MaxValue)]
    [ArgumentCompleter(typeof(ProcessIdCompleter))]
    public int[] Id { get; set; } = [];

    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = IdSet)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public ProcAddress[]? Address { get; set; }

    /// <summary>Carried by this module's objects, so that a process id that was used again is noticed.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = IdSet, DontShow = true)]
    public ulong? ProcessStartTicks { get; set; }

    /// <summary>The work on a file.</summary>
    protected abstract void Write(ElfFile file);

    /// <summary>The work on an image in a process.</summary>
    protected abstract void Write(MappedImage image);

    protected override void ProcessRecord()
    {
        if (ParameterSetName == IdSet)
        {
            foreach (int id in Id)
            {
                Attempt(() =>
                {
                    using LinuxProcess process = LinuxProcess.Open(id, ProcessStartTicks);
                    LookAt(process);
                });
            }

            return;
        }

        bool isLiteral = ParameterSetName == LiteralPathSet;
        foreach (string given in (isLiteral ? LiteralPath : Path) ?? [])
        {
            // What is found in a folder may be anything; nobody asked for that by name.
            bool isNamed = !MyInvocation.ExpectingInput
                && (isLiteral || !WildcardPattern.ContainsWildcardCharacters(given));
            foreach (string file in FilePaths.Resolve(this, given, isLiteral))
            {
                Attempt(() => LookAt(file, isNamed));
            }
        }
    }

    /// <summary>Writes objects until Ctrl-C.</summary>
    protected void WriteAll<T>(IEnumerable<T> items)
    {
        foreach (T item in items)
        {
            Cancellation.ThrowIfCancellationRequested();
            WriteObject(item);
        }
    }

    private void LookAt(string path, bool isNamed)
    {
        Cancellation.ThrowIfCancellationRequested();
        ElfDiskFile source;
        try
        {
            source = ElfDiskFile.Open(path);
        }
        catch (MemProcException error) when (!isNamed && error.Errno is Errno.EISDIR or Errno.EINVAL)
        {
            WriteVerbose(error.Message);
            return;
        }

        using (source)
        {
            if (!isNamed && !ElfFile.IsElf(source))
            {
                WriteVerbose($"{SafeText.Escape(path)} is no ELF file.");
                return;
            }

            using ElfFile file = ElfFile.Read(source);
            Write(file);
        }
    }

    private void LookAt(LinuxProcess process)
    {
        Func<string, bool>? rule = Path is null ? null : PathPattern.Any(Path);
        using MappedImages images = new(process, Cancellation);
        if (Address is null)
        {
            Write(images.Loaded(rule, error => WriteError(Failure.Record(error))));
            return;
        }

        foreach (ProcAddress address in Address)
        {
            // One bad address does not stop the others.
            Attempt(() =>
            {
                try
                {
                    Write([images.ImageAt(address.Resolve(images))]);
                }
                catch (MemProcException error) when (error.Errno == Errno.ENOEXEC && MyInvocation.ExpectingInput)
                {
                    // Most of a process' mappings are something else; nobody asked for those by name.
                    WriteVerbose(error.Message);
                }
            });
        }
    }

    private void Write(IEnumerable<MappedImage> images)
    {
        foreach (MappedImage image in images)
        {
            // The mappings of one file come down the pipeline one after the other.
            if (_done.Add((image.Maps[0].ProcessId, image.Maps[0].ProcessStartTicks, image.Start)))
            {
                WriteVerbose($"{SafeText.Escape(image.Elf.Name)} at 0x{image.Start:x}");
                Attempt(() => Write(image));
            }
        }
    }
}
