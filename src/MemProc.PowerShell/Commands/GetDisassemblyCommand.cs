using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-Disassembly: disassembles the code of processes and files.</summary>
[Cmdlet(VerbsCommon.Get, "Disassembly", DefaultParameterSetName = AddressSet)]
[OutputType(typeof(ProcInstruction), ParameterSetName = [AddressSet, SymbolSet])]
[OutputType(typeof(ElfInstruction), ParameterSetName = [PathSet, LiteralPathSet])]
public sealed class GetDisassemblyCommand : ElfFileCommand
{
    private const string AddressSet = "Address";
    private const string SymbolSet = "Symbol";
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";

    private Func<string, bool>? _isSelected;
    private MemoryTarget? _current;
    private ProcessDisassembler? _disassembler;

    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true, ParameterSetName = AddressSet)]
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true, ParameterSetName = SymbolSet)]
    [Alias("PID", "ProcessId")]
    [ProcessIdTransformation(hasName: true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ProcessIdCompleter))]
    public ProcessSelector[]? Id { get; set; }

    [Parameter(ParameterSetName = AddressSet)]
    [Parameter(ParameterSetName = SymbolSet)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ProcessNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Name { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = AddressSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = SymbolSet)]
    [AllowNull]
    public string[]? CorePath { get; set; }

    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = AddressSet)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public AddressExpression[] Address { get; set; } = [];

    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true, ParameterSetName = AddressSet)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong? Length { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = SymbolSet)]
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    [ArgumentCompleter(typeof(ElfSymbolCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Symbol { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = PathSet)]
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

    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ElfSectionCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Section { get; set; }

    [Parameter]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong? Count { get; set; }

    [Parameter]
    public AssemblySyntax Syntax { get; set; }

    [Parameter]
    [ValidateSet("16", "32", "64")]
    public int? Bits { get; set; }

    [Parameter(ParameterSetName = AddressSet)]
    [Parameter(ParameterSetName = SymbolSet)]
    public ReadMethod Method { get; set; }

    [Parameter(ParameterSetName = AddressSet)]
    [Parameter(ParameterSetName = SymbolSet)]
    public SwitchParameter ResidentOnly { get; set; }

    [Parameter(ParameterSetName = AddressSet)]
    [Parameter(ParameterSetName = SymbolSet)]
    public SwitchParameter AllowUserfault { get; set; }

    /// <summary>The start time that the module's objects carry, so that a reused process id is noticed.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = AddressSet, DontShow = true)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = SymbolSet, DontShow = true)]
    public ulong? ProcessStartTicks { get; set; }

    /// <summary>The object of the pipeline as a whole, where it is about a process.</summary>
    [Parameter(ValueFromPipeline = true, DontShow = true, ParameterSetName = AddressSet)]
    [Parameter(ValueFromPipeline = true, DontShow = true, ParameterSetName = SymbolSet)]
    [ProcessObject]
    public PSObject? InputObject { get; set; }

    private DisassemblyOptions Options => new(Syntax, Bits);

    protected override void BeginProcessing()
    {
        if (Section is not null && Symbol is not null)
        {
            ThrowBadArgument(nameof(Section), "Specify -Section or -Symbol, not both.", Section);
        }

        // Only the command line is bound here; a length from the pipeline is that of the object.
        if (Length is not null && Count is not null)
        {
            ThrowBadArgument(nameof(Count), "Specify -Length or -Count, not both.", Count);
        }

        _isSelected = Wildcard.Symbols(Section);
    }

    protected override void ProcessRecord()
    {
        if (ParameterSetName is PathSet or LiteralPathSet)
        {
            foreach ((string file, bool isNamed) in FilePaths.Resolve(this, Path, LiteralPath, ParameterSetName == LiteralPathSet))
            {
                ReportErrors(() => ReadFile(file, isNamed, Member, DisassembleFile));
            }

            return;
        }

        RefuseEmptyCore(CorePath);
        if (PipelineInput.HasCore(CorePath))
        {
            if (InputObject is null && (Id ?? (object?)Name) is object other)
            {
                ThrowBadArgument(nameof(CorePath), "Specify a process or -CorePath, not both.", other);
            }

            foreach (string path in CorePath)
            {
                ReportErrors(() => DisassembleProcess(OpenCore(path)));
            }

            return;
        }

        if (!PipelineInput.Accepts(this, InputObject, Id is not null || Name is not null))
        {
            return;
        }

        ForEachProcess(ProcessNames.Select(this, Id, Name) ?? [new SelectedProcess(LinuxProcess.OwnId)], ProcessStartTicks,
            DisassembleProcess);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _disassembler?.Dispose();
        }

        base.Dispose(disposing);
    }

    private void DisassembleFile(ElfFile file)
    {
        ElfDisassembler disassembler = new(file, Options, Cancellation);
        if (Symbol is null)
        {
            WriteEach(disassembler.DisassembleSections(_isSelected, Count));
            return;
        }

        foreach (string symbol in Symbol)
        {
            // One missing name does not stop the others.
            ReportErrors(() => WriteEach(disassembler.DisassembleSymbol(symbol, Count)));
        }
    }

    private void DisassembleProcess(MemoryTarget process)
    {
        if (_disassembler is null || !ReferenceEquals(_current, process))
        {
            _disassembler?.Dispose();
            MemoryReader reader = new(process, Method, Cancellation) { ResidentOnly = ResidentOnly, AllowUserfault = AllowUserfault };
            _disassembler = new ProcessDisassembler(process, reader, Options, WriteWarning, Cancellation);
            _current = process;
        }

        if (Symbol is null)
        {
            ForEachAddress(process, Address, (address, length) => Disassemble(address, Length ?? length));
            return;
        }

        foreach (string symbol in Symbol)
        {
            ReportErrors(() => Disassemble(_disassembler.AddressOf(symbol), length: null));
        }
    }

    private void Disassemble(ulong address, ulong? length) =>
        WriteEach(_disassembler!.Disassemble(address, Count is null ? length : null, Count, WriteError));
}
