using System.Management.Automation;
using System.Text;

namespace MemProc.PowerShell;

/// <summary>Read-PhysicalMemory: reads RAM by physical address.</summary>
[Cmdlet(VerbsCommunications.Read, "PhysicalMemory", DefaultParameterSetName = BlockSet)]
[OutputType(typeof(PhysicalMemoryBlock), ParameterSetName = [BlockSet])]
[OutputType(typeof(byte[]), ParameterSetName = [RawSet])]
[OutputType(typeof(string), ParameterSetName = [StringSet])]
[OutputType(typeof(ValueType), typeof(string), typeof(byte[]), typeof(object[]), ParameterSetName = [TypeSet])]
[OutputType(typeof(PhysicalMemoryFile), ParameterSetName = [FileSet])]
public sealed class ReadPhysicalMemoryCommand : MemProcCommand
{
    private const string BlockSet = "Block";
    private const string RawSet = "Raw";
    private const string StringSet = "String";
    private const string TypeSet = "Type";
    private const string FileSet = "File";

    private PhysicalMemoryReader? _reader;
    private bool _hasFile;

    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [PhysicalAddressTransformation]
    [ArgumentCompleter(typeof(PhysicalAddressCompleter))]
    public ulong[]? PhysicalAddress { get; set; }

    // Not from the pipeline: objects with a Pfn have a PhysicalAddress too.
    [Parameter]
    [PfnTransformation]
    [ValidateNotNullOrEmpty]
    public PfnRange[]? Pfn { get; set; }

    [Parameter(Position = 1, ParameterSetName = BlockSet)]
    [Parameter(Position = 1, ParameterSetName = RawSet)]
    [Parameter(Position = 1, ParameterSetName = StringSet)]
    [Parameter(Position = 1, ParameterSetName = FileSet)]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong? Length { get; set; }

    [Parameter(ParameterSetName = BlockSet)]
    public SwitchParameter AllLines { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = RawSet)]
    public SwitchParameter Raw { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = StringSet)]
    public SwitchParameter AsString { get; set; }

    [Parameter(ParameterSetName = StringSet)]
    [Parameter(ParameterSetName = TypeSet)]
    [EncodingTransformation]
    [ArgumentCompleter(typeof(EncodingCompleter))]
    public Encoding Encoding { get; set; } = Encoding.UTF8;

    [Parameter(Mandatory = true, ParameterSetName = TypeSet)]
    [MemoryTypeTransformation]
    [ArgumentCompleter(typeof(MemoryTypeCompleter))]
    public MemoryType? Type { get; set; }

    [Parameter(ParameterSetName = TypeSet)]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong Count { get; set; } = 1;

    [Parameter(ParameterSetName = TypeSet)]
    public SwitchParameter BigEndian { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = FileSet)]
    [ValidateNotNullOrEmpty]
    public string OutFile { get; set; } = string.Empty;

    [Parameter(ParameterSetName = FileSet)]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public KernelReadSource Source { get; set; }

    /// <summary>The core that an object comes from, which is refused: its frames are not those of this machine.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, DontShow = true)]
    [AllowNull]
    public string[]? CorePath { get; set; }

    protected override void BeginProcessing()
    {
        if (PhysicalAddress is not null && Pfn is not null)
        {
            ThrowBadArgument(nameof(Pfn), "Specify -PhysicalAddress or -Pfn, not both.", null);
        }

        if (PhysicalAddress is null && Pfn is null && !MyInvocation.ExpectingInput)
        {
            ThrowBadArgument(nameof(PhysicalAddress),
                "Specify -PhysicalAddress or -Pfn, or pipe in objects with a PhysicalAddress, such as page frames.", null);
        }

        _reader = DisposeAtEnd(new PhysicalMemoryReader(Source, cancellation: Cancellation));
        ThrowOnError(_reader.Prepare);
        WriteVerbose($"The kernel's memory is read by {_reader.Source}.");
    }

    protected override void ProcessRecord()
    {
        if (IsOfCore(CorePath))
        {
            return;
        }

        foreach (ulong address in PhysicalAddress ?? [])
        {
            ReportErrors(() => Read(address, Length ?? MachinePage.SizeBytes - (address & (MachinePage.SizeBytes - 1))));
        }

        foreach (PfnRange range in Pfn ?? [])
        {
            ReportErrors(() => Read(
                range.First * MachinePage.SizeBytes, Length ?? Math.Min(range.Count, ulong.MaxValue / MachinePage.SizeBytes) * MachinePage.SizeBytes));
        }
    }

    private void Read(ulong address, ulong length)
    {
        switch (ParameterSetName)
        {
            case RawSet:
                WriteObject(_reader!.ReadExactly(address, length), enumerateCollection: false);
                break;
            case StringSet:
                WriteText(address, length);
                break;
            case TypeSet:
                foreach (object? value in _reader!.Values(address, Type!, Count, BigEndian, Encoding))
                {
                    Cancellation.ThrowIfCancellationRequested();
                    WriteObject(MemoryOutput.Value(value, Type!), enumerateCollection: false);
                }

                break;
            case FileSet:
                WriteFile(address, length);
                break;
            default:
                WriteBlocks(address, length);
                break;
        }
    }

    private void WriteBlocks(ulong address, ulong length)
    {
        foreach (PhysicalMemoryBlock block in _reader!.ReadBlocks(address, length))
        {
            if (block.Bytes.Length == 0 && block.Length == length && block.Gaps is [{ } gap, ..])
            {
                throw PhysicalMemoryReader.Unreadable(address, length, gap);
            }

            WriteObject(AllLines ? MemoryView.WithAllLines(block) : block);
        }
    }

    private void WriteText(ulong address, ulong length)
    {
        string text = _reader!.ReadText(address, length, Encoding, out bool isEnded);
        if (!isEnded && Length is null)
        {
            WriteWarning($"The text at 0x{address:x} does not end in its page. Use -Length to read more.");
        }

        WriteObject(MemoryView.AsText(text));
    }

    private void WriteFile(ulong address, ulong length)
    {
        if (_hasFile)
        {
            throw new MemProcException(Operation.ReadPhysicalMemory, Interop.Errno.EEXIST,
                $"-OutFile holds one range; the range at 0x{address:x} would replace it. Specify a file for each range.",
                address);
        }

        _hasFile = true;
        string path = SessionState.Path.GetUnresolvedProviderPathFromPSPath(OutFile);
        using Progress progress = new(this, "Reading physical memory");
        try
        {
            WriteObject(PhysicalMemoryFile.Save(_reader!, address, length, path, Force,
                done => progress.Report(done, length, $"{HumanSize.Format(done)} of {HumanSize.Format(length)}")));
        }
        catch (MemProcException error) when (error.Errno == Interop.Errno.EEXIST && !Force)
        {
            throw Failure.Replaceable(error);
        }
    }
}
