using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>
/// The base of cmdlets about addresses of processes. A cmdlet with another binding than the usual one overrides the
/// parameter with attributes of its own; what the parameters mean stays here.
/// </summary>
/// <inheritdoc cref="ProcessCommand{T}" path="/typeparam"/>
public abstract class AddressCommand<T> : ProcessCommand<T>
    where T : MemoryTarget
{
    private bool _isAddressGiven;

    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public virtual AddressExpression[]? Address { get; set; }

    /// <summary>Bytes from each address on. A parameter only where a cmdlet overrides it as one.</summary>
    public virtual ulong? Length { get; set; }

    private protected override bool IsTargetKnown => base.IsTargetKnown || Address is not null;

    /// <summary>The parameter that requires -Address and is given; null where none is.</summary>
    private protected virtual string? LengthParameter => Length is null ? null : nameof(Length);

    /// <summary>An address that is a symbol stands for the bytes of the symbol.</summary>
    private protected virtual bool UsesSymbolSizes => false;

    /// <summary>The cmdlet has an answer for the mapping [vsyscall], which is in no page table and cannot be read.</summary>
    private protected virtual bool TakesVsyscall => false;

    protected override void BeginProcessing()
    {
        // What the pipeline brings is bound later.
        _isAddressGiven = Address is not null;
        base.BeginProcessing();
    }

    protected override void Process(T process)
    {
        if (Address is null)
        {
            if (LengthParameter is string parameter)
            {
                ThrowBadArgument(nameof(Address), $"-{parameter} requires -Address.", null);
            }

            ProcessWhole(process);
            return;
        }

        ForEachAddress(process, Address, (address, length) =>
        {
            // Get-ProcMap returns it with the other mappings, which is no request to read it.
            if (!_isAddressGiven && !TakesVsyscall && UserRange.IsVsyscall(address))
            {
                WriteVerbose($"Process {process.Identity}: [vsyscall] cannot be read, and was left out.");
                return;
            }

            ProcessAddress(process, address, Length ?? length);
        }, UsesSymbolSizes && Length is null);
    }

    /// <summary>
    /// The work on a mapping that the pipeline brought as a whole, in a parameter set of its own: that costs a fraction of
    /// what PowerShell takes to bind its properties by their names.
    /// </summary>
    private protected void ProcessMap(ProcMap map)
    {
        (ProcessSelector[]? id, string[]? core, AddressExpression[]? address, ulong? length) = (Id, CorePath, Address, Length);
        bool isAlone = (id ?? Name ?? core ?? (object?)address) is null;
        Address ??= [AddressExpression.FromNumber(map.Start, map.SizeBytes)];
        try
        {
            if (isAlone)
            {
                ReportErrors(() => Process((T)Processes.Open(map.ProcessId, map.ProcessStartTicks, map.CorePath, Cancellation)));
                return;
            }

            // What the command line gives is not replaced by the mapping.
            Id ??= [new ProcessSelector(map.ProcessId)];
            CorePath ??= map.CorePath is string path ? [path] : null;
            Length ??= map.SizeBytes;
            ProcessInput();
        }
        finally
        {
            (Id, CorePath, Address, Length) = (id, core, address, length);
        }
    }

    /// <summary>The length of the file is bound as if it were one of memory.</summary>
    private protected override void ProcessFile(string path, ulong? length)
    {
        ulong? bound = Length;
        Length = bound == length ? null : bound;
        base.ProcessFile(path, length);
        Length = bound;
    }

    /// <summary>The work on a whole process. Not called where -Address is mandatory.</summary>
    private protected virtual void ProcessWhole(T process) => throw new NotSupportedException();

    /// <summary>The work on one address.</summary>
    /// <param name="process">The process.</param>
    /// <param name="address">The address.</param>
    /// <param name="length">Bytes from there on, by -Length or by the object that the address came from; null: unknown.</param>
    private protected abstract void ProcessAddress(T process, ulong address, ulong? length);
}

/// <summary>The base of cmdlets that require an address.</summary>
/// <inheritdoc cref="ProcessCommand{T}" path="/typeparam"/>
public abstract class MandatoryAddressCommand<T> : AddressCommand<T>
    where T : MemoryTarget
{
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public override AddressExpression[]? Address { get; set; }
}

/// <summary>The base of cmdlets about addresses of live processes.</summary>
public abstract class AddressCommand : AddressCommand<LinuxProcess>
{
}

/// <summary>The base of cmdlets that require an address of a live process.</summary>
public abstract class MandatoryAddressCommand : MandatoryAddressCommand<LinuxProcess>
{
}
