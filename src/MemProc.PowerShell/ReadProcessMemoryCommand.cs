using System.Management.Automation;
using System.Text;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Read-ProcessMemory: bytes of processes.</summary>
[Cmdlet(VerbsCommunications.Read, "ProcessMemory", DefaultParameterSetName = BlockSet)]
[OutputType(typeof(MemoryBlock), ParameterSetName = [BlockSet])]
[OutputType(typeof(byte[]), ParameterSetName = [RawSet])]
[OutputType(typeof(string), ParameterSetName = [StringSet])]
[OutputType(typeof(ValueType), ParameterSetName = [TypeSet])]
[OutputType(typeof(MemoryFile), ParameterSetName = [FileSet])]
public sealed class ReadProcessMemoryCommand : ProcessCommand
{
    private const string BlockSet = "Block";
    private const string RawSet = "Raw";
    private const string StringSet = "String";
    private const string TypeSet = "Type";
    private const string FileSet = "File";
    private const string Operation = "ReadMemory";

    private bool _hasFile;

    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public ProcAddress[] Address { get; set; } = [];

    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true, ParameterSetName = BlockSet)]
    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true, ParameterSetName = RawSet)]
    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true, ParameterSetName = StringSet)]
    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true, ParameterSetName = FileSet)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong? Length { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = RawSet)]
    public SwitchParameter Raw { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = StringSet)]
    public SwitchParameter AsString { get; set; }

    [Parameter(ParameterSetName = StringSet)]
    [EncodingTransformation]
    [ArgumentCompleter(typeof(EncodingCompleter))]
    public Encoding Encoding { get; set; } = Encoding.UTF8;

    [Parameter(Mandatory = true, ParameterSetName = TypeSet)]
    public MemoryValueType Type { get; set; }

    [Parameter(ParameterSetName = TypeSet)]
    [ValidateRange(1, int.MaxValue / 8)]
    public int Count { get; set; } = 1;

    [Parameter(Mandatory = true, ParameterSetName = FileSet)]
    [ValidateNotNullOrEmpty]
    public string OutFile { get; set; } = string.Empty;

    [Parameter(ParameterSetName = FileSet)]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public ReadMethod Method { get; set; }

    [Parameter(ParameterSetName = BlockSet)]
    [Parameter(ParameterSetName = FileSet)]
    public SwitchParameter ReadAll { get; set; }

    protected override void Process(LinuxProcess process)
    {
        MemoryReader reader = new(process, Method, Cancellation);
        WriteVerbose($"Process {process.Identity} is read by {reader.Method}.");
        foreach (ProcAddress given in Address)
        {
            Attempt(() => Read(process, reader, given.Resolve(process), LengthOf(given)));
        }
    }

    private ulong LengthOf(ProcAddress address)
    {
        if (ParameterSetName == TypeSet)
        {
            return (ulong)Count * (ulong)MemoryValue.SizeOf(Type);
        }

        return Length ?? address.Length ?? throw new MemProcException(Operation, Errno.EINVAL,
            $"How many bytes at {address}? Give -Length, or an object with a length such as a mapping.", address);
    }

    private void Read(LinuxProcess process, MemoryReader reader, ulong address, ulong length)
    {
        switch (ParameterSetName)
        {
            case RawSet:
                WriteObject(reader.ReadWhole(address, length), enumerateCollection: false);
                break;
            case StringSet:
                WriteObject(View.AsText(reader.ReadText(address, length, Encoding)));
                break;
            case TypeSet:
                WriteValues(reader.ReadWhole(address, length));
                break;
            case FileSet:
                WriteFile(process, reader, address, length);
                break;
            default:
                WriteBlocks(reader, address, length);
                break;
        }
    }

    private void WriteBlocks(MemoryReader reader, ulong address, ulong length)
    {
        foreach (MemoryBlock block in reader.ReadBlocks(address, length))
        {
            if (block.Gaps.Length > 0 && (ReadAll || block is { Bytes.Length: 0 } && block.Length == length))
            {
                throw reader.Unreadable(address, length, block.Gaps[0]);
            }

            WriteObject(block);
        }
    }

    private void WriteValues(byte[] bytes)
    {
        foreach (object value in MemoryValue.DecodeAll(bytes, Type))
        {
            WriteObject(Type == MemoryValueType.Pointer ? View.AsPointer((ulong)value) : value);
        }
    }

    private void WriteFile(LinuxProcess process, MemoryReader reader, ulong address, ulong length)
    {
        if (_hasFile)
        {
            throw new MemProcException(Operation, Errno.EEXIST,
                $"-OutFile takes one range, and has one; 0x{address:x} would replace it. Give each range its own file.",
                address);
        }

        _hasFile = true;
        string path = SessionState.Path.GetUnresolvedProviderPathFromPSPath(OutFile);
        Progress progress = new(this, $"Reading process {process.Identity}");
        try
        {
            MemoryFile file = MemoryFile.Save(process, reader, address, length, path, Force, ReadAll, done =>
                progress.Tell(done, length, $"{HumanSize.Format(done)} of {HumanSize.Format(length)}"));
            WriteObject(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            bool isThere = File.Exists(path) && !Force;
            string advice = isThere ? " -Force replaces it." : string.Empty;
            Errno errno = isThere ? Errno.EEXIST : error is UnauthorizedAccessException ? Errno.EACCES : Errno.EIO;
            WriteError(new ErrorRecord(new IOException(SafeText.Escape(error.Message) + advice, error),
                $"WriteFile,{errno}", ErrorCategory.WriteError, path));
        }
        finally
        {
            progress.End();
        }
    }
}
