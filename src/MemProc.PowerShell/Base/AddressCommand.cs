using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>
/// The base of cmdlets about addresses of processes. A cmdlet with another binding than the usual one overrides the
/// parameter with attributes of its own; what the parameters mean stays here.
/// </summary>
public abstract class AddressCommand : ProcessCommand
{
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

    protected override void Process(LinuxProcess process)
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

        ForEachAddress(process, Address, (address, length) => ProcessAddress(process, address, Length ?? length));
    }

    /// <summary>The work on a whole process. Not called where -Address is mandatory.</summary>
    private protected virtual void ProcessWhole(LinuxProcess process) => throw new NotSupportedException();

    /// <summary>The work on one address.</summary>
    /// <param name="process">The process.</param>
    /// <param name="address">The address.</param>
    /// <param name="length">Bytes from there on, by -Length or by the object that the address came from; null: unknown.</param>
    private protected abstract void ProcessAddress(LinuxProcess process, ulong address, ulong? length);
}

/// <summary>The base of cmdlets that require an address.</summary>
public abstract class MandatoryAddressCommand : AddressCommand
{
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public override AddressExpression[]? Address { get; set; }
}
