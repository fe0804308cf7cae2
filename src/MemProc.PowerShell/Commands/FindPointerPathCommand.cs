using System.Collections;
using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Find-PointerPath: finds paths of pointers from static memory to addresses.</summary>
[Cmdlet(VerbsCommon.Find, "PointerPath")]
[OutputType(typeof(PointerChain))]
public sealed class FindPointerPathCommand : MandatoryAddressCommand<MemoryTarget>
{
    private SavedPointerChain[]? _saved;
    private ulong _found;

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public override string[]? CorePath { get; set; }

    [Parameter]
    [ValidateRange(1, PointerPathFinder.MaxDepth)]
    public int Depth { get; set; } = PointerPathFinder.DefaultDepth;

    [Parameter]
    [ValidateRange(0UL, PointerPathFinder.OffsetLimit)]
    public ulong MaxOffset { get; set; } = PointerPathFinder.DefaultMaxOffset;

    [Parameter]
    [ValidateNotNull]
    public PSObject[]? From { get; set; }

    [Parameter]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong First { get; set; } = ulong.MaxValue;

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _saved = From is null ? null : Array.ConvertAll(From, Saved);
    }

    private protected override void ProcessAddress(MemoryTarget process, ulong address, ulong? length)
    {
        if (_found >= First)
        {
            return;
        }

        using Progress progress = new(this, $"Searching process {process.Identity} for pointers");
        PointerPathFinder finder = new(process, Cancellation)
        {
            Depth = Depth,
            MaxOffset = MaxOffset,
            Estimated = bytes => WriteVerbose(
                $"Process {process.Identity}: the search keeps at most {HumanSize.Format(bytes)} of pointers in memory."),
            Warn = WriteWarning,
            Progress = (pass, done) => progress.Report(done.PassedBytes, done.MappedBytes,
                $"Pass {pass} of at most {Depth}, {HumanSize.Format(done.SearchedBytes)}"),
        };
        foreach (PointerChain chain in _saved is null ? finder.Find(address) : finder.Narrow(address, _saved))
        {
            WriteObject(chain);
            if (++_found >= First)
            {
                return;
            }
        }
    }

    /// <summary>Converts a path from a variable, a job, or a file: of CLIXML, JSON, or CSV.</summary>
    private SavedPointerChain Saved(PSObject item)
    {
        if (item.BaseObject is PointerChain chain)
        {
            return new SavedPointerChain(chain.Base, [.. chain.Offsets]);
        }

        if (item.Properties["Base"]?.Value is string start && item.Properties["Offsets"]?.Value is object offsets)
        {
            object?[] items = InputValues.Unwrap(offsets) switch
            {
                string text => text.Split(' ', StringSplitOptions.RemoveEmptyEntries),
                IEnumerable many => [.. many.Cast<object?>().Select(InputValues.Unwrap)],
                object one => [one],
                null => [],
            };
            if (items.Length is > 0 and <= PointerPathFinder.MaxDepth)
            {
                return ValueConditions.Create(this, nameof(From), item, () => new SavedPointerChain(start,
                    Array.ConvertAll(items, one => one is string text ? NumberText.Parse(text) : LanguagePrimitives.ConvertTo<ulong>(one))));
            }
        }

        ThrowBadArgument(nameof(From), "-From takes the objects of an earlier Find-PointerPath: it has no Base and Offsets.", item);
        return null;
    }
}
