using System.Management.Automation;

namespace MemProc.Bench.Empty;

/// <summary>Emits so many new objects that say nothing.</summary>
[Cmdlet(VerbsCommunications.Write, "EmptyObject")]
[OutputType(typeof(object))]
public sealed class WriteEmptyObjectCommand : PSCmdlet
{
    /// <summary>Bytes that the runtime adds to the elements of an array.</summary>
    private const int ArrayOverhead = 24;

    /// <summary>How many.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public long Count { get; set; }

    /// <summary>Bytes that each takes on the heap; left out: as few as an object can have.</summary>
    [Parameter]
    [ValidateRange(ArrayOverhead, 1024)]
    public int? Size { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        for (long index = 0; index < Count; index++)
        {
            WriteObject(Size is int size ? new byte[size - ArrayOverhead] : new object());
        }
    }
}
