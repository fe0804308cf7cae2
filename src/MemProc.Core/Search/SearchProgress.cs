namespace MemProc;

/// <summary>How far a search or a first scan has come.</summary>
/// <param name="SearchedBytes">Bytes that were searched.</param>
/// <param name="PassedBytes">Address space that is done, searched or left out, in bytes.</param>
/// <param name="MappedBytes">Address space in all, in bytes.</param>
public readonly record struct SearchProgress(ulong SearchedBytes, ulong PassedBytes, ulong MappedBytes);

/// <summary>Memory in the range of a search that was not searched.</summary>
/// <param name="NotResidentBytes">Not in memory: never touched, swapped out, or not read from a file yet.</param>
/// <param name="ClosedBytes">Mappings that cannot be read at all, or only through <c>/proc/PID/mem</c>.</param>
/// <param name="FailedBytes">Refused by the kernel, or unmapped before they were read.</param>
/// <param name="UserfaultBytes">Missing until a handler of userfaultfd(2) supplies them.</param>
public readonly record struct SearchSkips(
    ulong NotResidentBytes, ulong ClosedBytes, ulong FailedBytes, ulong UserfaultBytes = 0)
{
    /// <summary>Whether everything was searched.</summary>
    public bool IsNone => NotResidentBytes + ClosedBytes + FailedBytes + UserfaultBytes == 0;

    /// <summary>Returns the same as text: <c>1.2 GiB not in memory, 8 KiB not readable</c>.</summary>
    public override string ToString() => string.Join(", ", new[]
    {
        (Bytes: NotResidentBytes, Reason: "not in memory"),
        (Bytes: ClosedBytes, Reason: "not readable"),
        (Bytes: FailedBytes, Reason: "refused or unmapped while it was read"),
        (Bytes: UserfaultBytes, Reason: "not supplied by a userfaultfd handler"),
    }.Where(part => part.Bytes > 0).Select(part => $"{HumanSize.Format(part.Bytes)} {part.Reason}"));
}
