using System.Management.Automation;
using System.Text;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Read-ProcessMemory: reads the memory of processes.</summary>
[Cmdlet(VerbsCommunications.Read, "ProcessMemory", DefaultParameterSetName = BlockSet)]
[OutputType(typeof(MemoryBlock), ParameterSetName = [BlockSet])]
[OutputType(typeof(byte[]), ParameterSetName = [RawSet])]
[OutputType(typeof(string), ParameterSetName = [StringSet])]
[OutputType(typeof(ValueType), typeof(string), typeof(byte[]), typeof(object[]), ParameterSetName = [TypeSet])]
[OutputType(typeof(MemoryRecord), ParameterSetName = [LayoutSet])]
[OutputType(typeof(MemoryFile), ParameterSetName = [FileSet])]
[OutputType(typeof(TelescopeWord), ParameterSetName = [TelescopeSet])]
public sealed class ReadProcessMemoryCommand : AddressCommand<MemoryTarget>
{
    private const string BlockSet = "Block";
    private const string RawSet = "Raw";
    private const string StringSet = "String";
    private const string TypeSet = "Type";
    private const string LayoutSet = "Layout";
    private const string FileSet = "File";
    private const string TelescopeSet = "Telescope";
    private readonly StoppedReadRanges _stoppedRanges = new();
    private readonly Queue<Action> _pendingMessages = [];
    private bool _hasFile;
    private MemoryReader? _reader;
    private MemoryFileDraft? _file;

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public override string[]? CorePath { get; set; }

    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = BlockSet)]
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = RawSet)]
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = StringSet)]
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = TypeSet)]
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = LayoutSet)]
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = FileSet)]
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = TelescopeSet)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public override AddressExpression[]? Address { get; set; }

    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true, ParameterSetName = BlockSet)]
    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true, ParameterSetName = RawSet)]
    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true, ParameterSetName = StringSet)]
    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true, ParameterSetName = FileSet)]
    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true, ParameterSetName = TelescopeSet)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public override ulong? Length { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = RawSet)]
    public SwitchParameter Raw { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = StringSet)]
    public SwitchParameter AsString { get; set; }

    [Parameter(ParameterSetName = StringSet)]
    [Parameter(ParameterSetName = TypeSet)]
    [Parameter(ParameterSetName = LayoutSet)]
    [EncodingTransformation]
    [ArgumentCompleter(typeof(EncodingCompleter))]
    public Encoding Encoding { get; set; } = Encoding.UTF8;

    [Parameter(Mandatory = true, ParameterSetName = TypeSet)]
    [MemoryTypeTransformation]
    [ArgumentCompleter(typeof(MemoryTypeCompleter))]
    public MemoryType? Type { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = LayoutSet)]
    [LayoutTransformation]
    public MemoryLayout? Layout { get; set; }

    [Parameter(ParameterSetName = TypeSet)]
    [Parameter(ParameterSetName = LayoutSet)]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong Count { get; set; } = 1;

    [Parameter(ParameterSetName = LayoutSet)]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong? Stride { get; set; }

    [Parameter(ParameterSetName = TypeSet)]
    [Parameter(ParameterSetName = LayoutSet)]
    public SwitchParameter BigEndian { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = TelescopeSet)]
    public SwitchParameter Telescope { get; set; }

    [Parameter(ParameterSetName = TelescopeSet)]
    [ValidateRange(1, TelescopeReader.MaxDepth)]
    public int Depth { get; set; } = TelescopeReader.DefaultDepth;

    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = TelescopeSet)]
    [Alias("Thread")]
    [ValidateRange(1, int.MaxValue)]
    [ArgumentCompleter(typeof(ThreadIdCompleter))]
    public int? ThreadId { get; set; }

    [Parameter(ParameterSetName = TelescopeSet)]
    public SwitchParameter IncludeNotResident { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = FileSet)]
    [ValidateNotNullOrEmpty]
    public string OutFile { get; set; } = string.Empty;

    [Parameter(ParameterSetName = FileSet)]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public ReadMethod Method { get; set; }

    [Parameter]
    public SwitchParameter Stop { get; set; }

    [Parameter]
    public SwitchParameter ResidentOnly { get; set; }

    [Parameter]
    public SwitchParameter AllowUserfault { get; set; }

    [Parameter(ParameterSetName = BlockSet)]
    [Parameter(ParameterSetName = RawSet)]
    [Parameter(ParameterSetName = StringSet)]
    [Parameter(ParameterSetName = TypeSet)]
    [Parameter(ParameterSetName = LayoutSet)]
    [Parameter(ParameterSetName = FileSet)]
    [ValidateRange(0, PointerPath.MaxPointers)]
    public int Dereference { get; set; }

    [Parameter(ParameterSetName = BlockSet)]
    [Parameter(ParameterSetName = FileSet)]
    public SwitchParameter ReadAll { get; set; }

    [Parameter(ParameterSetName = BlockSet)]
    public SwitchParameter AllLines { get; set; }

    /// <summary>The size of a pointer is not that of what it points to.</summary>
    private protected override bool UsesSymbolSizes => Dereference == 0;

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        // Only the command line is bound here: an object of a thread has both.
        if (ThreadId is not null && Address is not null)
        {
            ThrowBadArgument(nameof(ThreadId), "Specify -Address or -ThreadId, not both.", ThreadId);
        }
    }

    protected override void Process(MemoryTarget process)
    {
        if (Stop && process is CoreFile core)
        {
            throw NotLive(core.CorePath!);
        }

        _reader = Stop ? null : Reader(process);
        if (ThreadId is int thread)
        {
            ProcessAddress(process, ProcThreadReader.StackPointerOf(process, thread), Length);
        }
        else
        {
            base.Process(process);
        }
    }

    /// <summary>Only the words of -Telescope can begin at a thread instead of an address.</summary>
    private protected override void ProcessWhole(MemoryTarget process) =>
        ThrowBadArgument(nameof(Address), "-Telescope requires -Address or -ThreadId.", null);

    private protected override void ProcessAddress(MemoryTarget process, ulong address, ulong? length)
    {
        ulong? bytes = ParameterSetName is TypeSet or LayoutSet ? null
            : ParameterSetName == TelescopeSet ? length
            : length ?? (ParameterSetName == StringSet ? null : throw new MemProcException(Operation.ReadMemory,
                Errno.EINVAL, $"The length to read at 0x{address:x} is unknown. Specify -Length, or pipe in an object with a "
                + "length, such as a mapping.", address));
        if (_reader is not null)
        {
            Write(Read(process, _reader, address, bytes));
            return;
        }

        LinuxProcess live = (LinuxProcess)process;
        Processes.Keep(live);
        _stoppedRanges.Add(live, address, bytes, RetainedBytes(bytes));
    }

    /// <summary>Reads what -Stop has collected: all ranges of a process are read in one stop.</summary>
    protected override void EndProcessing()
    {
        foreach (StoppedReadRanges.ProcessRanges stopped in _stoppedRanges.All)
        {
            ReportErrors(() => ReadStopped(stopped));
        }
    }

    private void ReadStopped(StoppedReadRanges.ProcessRanges stopped)
    {
        WarnBeforeStop();
        LinuxProcess process = stopped.Process;
        OpenProcesses.ThrowIfGone(process);
        MemoryReader reader = Reader(process);
        IEnumerable<Func<IEnumerable<object?>>> reads = stopped.Ranges.Select<(ulong, ulong?), Func<IEnumerable<object?>>>(
            range => () => Read(process, reader, range.Item1, range.Item2));
        // Nothing is written while the process is stopped: the consumer of the pipeline can take long.
        foreach ((IEnumerable<object?> answers, MemProcException? failure) in
            StoppedRead.Run(process, stopped.RetainedBytes, reads, Cancellation))
        {
            ReportErrors(() => Write(failure is null ? answers : throw failure));
        }
    }

    private MemoryReader Reader(MemoryTarget process)
    {
        MemoryReader reader = new(process, Method, Cancellation)
        {
            ResidentOnly = ResidentOnly || (Telescope && !IncludeNotResident && process is LinuxProcess),
            AllowUserfault = AllowUserfault,
        };
        WriteVerbose($"Process {process.Identity}: reading by {reader.Method}.");
        return reader;
    }

    private UInt128 RetainedBytes(ulong? length) => ParameterSetName switch
    {
        TypeSet => TypedReader.MaxBytes(Type!, Count),
        LayoutSet => TypedReader.MaxBytes(Layout!, Count, Stride ?? (ulong)Layout!.SizeBytes),
        FileSet => 0,
        TelescopeSet => (UInt128)(length ?? MachinePage.SizeBytes) * (ulong)(Depth + 1) * sizeof(ulong),
        _ => length ?? MemoryOutput.DefaultTextBytes,
    };

    /// <summary>
    /// Reads in the requested form. Where the process is stopped, all is read when this returns, else while the result is
    /// enumerated.
    /// </summary>
    private IEnumerable<object?> Read(MemoryTarget process, MemoryReader reader, ulong requested, ulong? length)
    {
        ulong[] path = PointerPath.Follow(process, reader, requested, Dereference);
        if (path.Length > 1)
        {
            WriteMessage(() => WriteVerbose($"Pointers followed: {string.Join(" -> ", path.Select(step => $"0x{step:x}"))}."));
        }

        ulong address = path[^1];
        if (ParameterSetName == TelescopeSet)
        {
            TelescopeReader telescope = new(process, reader, Cancellation)
            {
                Depth = Depth,
                ReadsAhead = Stop,
                Warn = text => WriteMessage(() => WarnOnce(text)),
            };
            return telescope.Read(address, length ?? telescope.DefaultLength);
        }

        TypedReader typed = new(process, reader) { IsBigEndian = BigEndian, Encoding = Encoding, ReadsAhead = Stop };
        switch (ParameterSetName)
        {
            case RawSet:
                return [reader.ReadExactly(address, length!.Value)];
            case StringSet:
                return [MemoryOutput.Text(reader, address, length, Encoding, text => WriteMessage(() => WriteWarning(text)))];
            case TypeSet:
                return typed.Values(address, Type!, Count).Select(value => MemoryOutput.Value(value, Type!));
            case LayoutSet:
                return typed.Records(address, Layout!, Count, Stride).Select(MemoryOutput.Record);
            case FileSet:
                ReadFile(process, reader, address, length!.Value);
                return CompleteFile();
            default:
                IEnumerable<MemoryBlock> blocks =
                    reader.ReadReadableBlocks(address, length!.Value, path.Length > 1 ? path : null, ReadAll);
                return Stop ? [.. blocks] : blocks;
        }
    }

    private void ReadFile(MemoryTarget process, MemoryReader reader, ulong address, ulong length)
    {
        if (_hasFile)
        {
            throw new MemProcException(Operation.ReadMemory, Errno.EEXIST,
                $"-OutFile holds one range; the range at 0x{address:x} would replace it. Specify a file for each range.",
                address);
        }

        _hasFile = true;
        string path = SessionState.Path.GetUnresolvedProviderPathFromPSPath(OutFile);
        using Progress progress = new(this, $"Reading process {process.Identity}");
        try
        {
            _file = DisposeAtEnd(MemoryFile.Copy(process, reader, address, length, path, Force, ReadAll, done =>
            {
                if (!Stop)
                {
                    progress.Report(done, length, $"{HumanSize.Format(done)} of {HumanSize.Format(length)}");
                }
            }));
        }
        catch (MemProcException error) when (error.Errno == Errno.EEXIST && !Force)
        {
            throw Failure.Replaceable(error);
        }
    }

    /// <summary>Gives the file its name when the result is written: a stopped process does not wait for the device.</summary>
    private IEnumerable<object> CompleteFile()
    {
        using MemoryFileDraft file = _file!;
        yield return file.Complete();
    }

    /// <summary>Writes a message now, or when the process runs again.</summary>
    private void WriteMessage(Action write)
    {
        if (Stop)
        {
            _pendingMessages.Enqueue(write);
        }
        else
        {
            write();
        }
    }

    private void Write(IEnumerable<object?> answers)
    {
        WritePending();
        foreach (object? answer in answers)
        {
            WriteObject(AllLines ? MemoryView.WithAllLines(answer) : answer, enumerateCollection: false);
        }

        WritePending();
    }

    private void WritePending()
    {
        while (_pendingMessages.TryDequeue(out Action? write))
        {
            write();
        }
    }
}
