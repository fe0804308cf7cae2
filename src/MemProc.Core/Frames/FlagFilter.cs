namespace MemProc;

/// <summary>Selects page frames by their flags as they are shown.</summary>
public sealed class FlagFilter
{
    private readonly ulong _all;
    private readonly ulong _any;
    private readonly ulong _none;
    private readonly ulong? _exact;

    private FlagFilter(ulong all, ulong any, ulong none, ulong? exact)
    {
        _all = all;
        _any = any;
        _none = none;
        _exact = exact;
    }

    /// <summary>
    /// Creates a filter from flags, as <see cref="FlagText.Parse"/> accepts them; null where all lists are null.
    /// </summary>
    /// <param name="all">All of these must be set.</param>
    /// <param name="any">One of these must be set.</param>
    /// <param name="none">None of these may be set.</param>
    /// <param name="exact">These must be set and no others; an empty list selects frames without flags.</param>
    /// <exception cref="ArgumentException">A name is not that of a flag.</exception>
    public static FlagFilter? Create(
        IEnumerable<string>? all, IEnumerable<string>? any, IEnumerable<string>? none, IEnumerable<string>? exact) =>
        all is null && any is null && none is null && exact is null
            ? null
            : new FlagFilter(Mask(all), Mask(any), Mask(none), exact is null ? null : Mask(exact));

    /// <summary>All flags that the filter looks at.</summary>
    internal ulong UsedFlags => _all | _any | _none | (_exact ?? 0);

    /// <summary>Returns whether a frame with these flags is selected.</summary>
    /// <param name="shown">The flags as they are shown: well-known or expanded.</param>
    public bool Matches(ulong shown) =>
        (shown & _all) == _all && (shown & _none) == 0 && (_any == 0 || (shown & _any) != 0)
        && (_exact is not ulong exact || shown == exact);

    private static ulong Mask(IEnumerable<string>? names)
    {
        ulong mask = 0;
        foreach (string name in names ?? [])
        {
            mask |= FlagText.Parse(name);
        }

        return mask;
    }
}
