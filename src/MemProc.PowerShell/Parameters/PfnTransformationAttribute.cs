namespace MemProc.PowerShell;

/// <summary>
/// Converts numbers, texts, and objects with a Pfn to ranges of frames: hex or decimal, as addresses are, and
/// <c>first..last</c>. A page without a frame (null: it is swapped out, or its frame is hidden) has no frame number and is
/// skipped.
/// </summary>
public sealed class PfnTransformationAttribute : ValueTransformationAttribute
{
    public override bool TransformNullOptionalParameters => true;

    /// <summary>Whether a range can be open: <c>0x5f0000..</c>, to the machine's last frame, or <c>..0x1000</c>.</summary>
    public bool AllowOpen { get; set; }

    private protected override object Parse(object? input) =>
        InputValues.Convert<PfnRange?>(input, Convert).OfType<PfnRange>().ToArray();

    private PfnRange? Convert(object? item)
    {
        object? value = InputValues.Unwrap(item);
        return value switch
        {
            null => null,
            PfnRange range => range,
            // Of the pipeline as a whole: PowerShell would bind its property only after an exception.
            PageMapEntry page => Frame(page.Pfn),
            FilePage page => Frame(page.Pfn),
            ResolvedAddress address => Frame(address.Pfn),
            PageFlags frame => Frame(frame.Pfn),
            PageFrame frame => Frame(frame.Pfn),
            PfnOwner owner => Frame(owner.Pfn),
            string text => PfnRange.Parse(text, AllowOpen),
            _ => new PfnRange(Literal.Whole(value, "A frame number")),
        };
    }

    private static PfnRange? Frame(ulong? pfn) => pfn is ulong known ? new PfnRange(known) : null;
}
