namespace MemProc;

/// <summary>What of the memory that was asked for a search did not look at.</summary>
/// <param name="NotResidentBytes">Not in memory: never touched, swapped out, or not let in from a file.</param>
/// <param name="ClosedBytes">Mappings that nobody can read, or not without <c>/proc/PID/mem</c>.</param>
/// <param name="FailedBytes">Refused by the kernel when it was read, or gone by then.</param>
public readonly record struct SearchSkips(ulong NotResidentBytes, ulong ClosedBytes, ulong FailedBytes)
{
    /// <summary>Whether all was searched.</summary>
    public bool IsNone => NotResidentBytes + ClosedBytes + FailedBytes == 0;

    /// <summary>The same in words: <c>1.2 GiB not in memory, 8 KiB not readable</c>.</summary>
    public override string ToString() => string.Join(", ", new[]
    {
        (Bytes: NotResidentBytes, Reason: "not in memory"),
        (Bytes: ClosedBytes, Reason: "not readable"),
        (Bytes: FailedBytes, Reason: "refused or gone while it was read"),
    }.Where(part => part.Bytes > 0).Select(part => $"{HumanSize.Format(part.Bytes)} {part.Reason}"));
}
