using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-PageFlags: what the kernel knows of page frames.</summary>
[Cmdlet(VerbsCommon.Get, "PageFlags")]
[OutputType(typeof(PageFlags))]
public sealed class GetPageFlagsCommand : MemProcCommand
{
    /// <summary>
    /// Frames from the pipeline are collected up to here, so that neighbours are read together; few enough that
    /// the first answers come soon.
    /// </summary>
    private const int PipelineBatch = 1024;

    private readonly List<ulong> _waiting = [];
    private FrameTables? _tables;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [AllowEmptyCollection]
    [PfnTransformation]
    public ulong[] Pfn { get; set; } = [];

    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("PageCount")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong Count { get; set; } = 1;

    [Parameter]
    public SwitchParameter Raw { get; set; }

    protected override void BeginProcessing()
    {
        try
        {
            _tables = new FrameTables();
        }
        catch (MemProcException error)
        {
            ThrowTerminatingError(Failure.Record(error));
        }
    }

    protected override void ProcessRecord()
    {
        if (Count > 1)
        {
            Attempt(Flush);
        }

        foreach (ulong pfn in Pfn)
        {
            if (Count > 1)
            {
                Attempt(() => WriteRange(pfn));
                continue;
            }

            _waiting.Add(pfn);
            if (_waiting.Count >= PipelineBatch)
            {
                Attempt(Flush);
            }
        }
    }

    protected override void EndProcessing() => Attempt(Flush);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _tables?.Dispose();
        }

        base.Dispose(disposing);
    }

    private void WriteRange(ulong first)
    {
        foreach (PageFlags flags in _tables!.ReadRange(first, Count, Raw))
        {
            Cancellation.ThrowIfCancellationRequested();
            WriteObject(flags);
        }
    }

    private void Flush()
    {
        ulong[] pfns = [.. _waiting];
        _waiting.Clear();
        PageFlags?[] flags = _tables!.Read(pfns, Raw);
        for (int index = 0; index < pfns.Length; index++)
        {
            Cancellation.ThrowIfCancellationRequested();
            if (flags[index] is PageFlags known)
            {
                WriteObject(known);
            }
            else
            {
                WriteError(Failure.Record(FrameTables.Beyond(pfns[index])));
            }
        }
    }
}
