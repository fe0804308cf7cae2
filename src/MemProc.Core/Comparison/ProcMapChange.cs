namespace MemProc;

/// <summary>What changed about a range of addresses between two lists of mappings.</summary>
public enum ProcMapChangeKind
{
    /// <summary>A new mapping.</summary>
    Added,
    /// <summary>The mapping is gone.</summary>
    Removed,
    /// <summary>A mapping that was there covers more addresses.</summary>
    Grown,
    /// <summary>A mapping that is still there covers fewer addresses.</summary>
    Shrunk,
    /// <summary>The permissions changed.</summary>
    Protection,
    /// <summary>Another file has the path, or the file was deleted.</summary>
    FileReplaced,
    /// <summary>Something else is mapped at the addresses.</summary>
    Remapped,
    /// <summary>The name of anonymous memory changed.</summary>
    Renamed,
    /// <summary>The same part of a file, or anonymous memory of the same content, is at another address.</summary>
    Moved,
}

/// <summary>A change between two lists of mappings, for the addresses that it concerns.</summary>
public sealed class ProcMapChange : ProcessOutput
{
    internal ProcMapChange(
        ProcessIdentity process, ProcMapChangeKind change, AddressRange range, ProcMap? previous, ProcMap? current)
    {
        Process = process;
        Change = change;
        Start = range.Start;
        End = range.End;
        PreviousMap = previous;
        Map = current;
    }

    internal override ProcessIdentity Process { get; }

    /// <summary>What changed.</summary>
    public ProcMapChangeKind Change { get; }

    /// <summary>First address that the change concerns.</summary>
    public ulong Start { get; }

    /// <summary><see cref="Start"/> in hex.</summary>
    public string StartHex => HexText.Of(Start);

    /// <summary>First address after those.</summary>
    public ulong End { get; }

    /// <summary><see cref="End"/> in hex.</summary>
    public string EndHex => HexText.Of(End);

    /// <summary>Bytes that the change concerns: of a mapping that has grown, those that it has grown by.</summary>
    public ulong SizeBytes => End - Start;

    /// <summary>Where the first of these bytes was before, if they have moved; otherwise null.</summary>
    public ulong? PreviousStart { get; init; }

    /// <summary><see cref="PreviousStart"/> in hex.</summary>
    public string? PreviousStartHex => HexText.Of(PreviousStart);

    /// <summary>The permissions before; null where nothing was mapped.</summary>
    public string? PreviousPermissions => PreviousMap?.Permissions;

    /// <summary>The permissions after; null where nothing is mapped.</summary>
    public string? Permissions => Map?.Permissions;

    /// <summary>Path or name of the mapping before; null where nothing was mapped.</summary>
    public string? PreviousPath => PreviousMap?.Path;

    /// <summary>Path or name of the mapping; where nothing is mapped any more, that from before.</summary>
    public string Path => (Map ?? PreviousMap)!.Path;

    /// <summary>The whole mapping before, the first one where several changed alike; null where nothing was mapped.</summary>
    public ProcMap? PreviousMap { get; }

    /// <summary>The whole mapping after, the first one where several changed alike; null where nothing is mapped.</summary>
    public ProcMap? Map { get; }

    /// <summary>Formats the change as a line.</summary>
    public override string ToString() => $"{Change} 0x{Start:x}-0x{End:x} {PreviousPermissions ?? "-"} {Permissions ?? "-"} "
        + Place(PreviousStart, Path);

    /// <summary>Formats what a change is about: <c>from 0x7f0000000000 [anon:arena]</c>, or only the path.</summary>
    /// <param name="previousStart">Where it was, if it has moved.</param>
    /// <param name="path">Path or name of the mapping.</param>
    public static string Place(ulong? previousStart, string? path) => previousStart is ulong start
        ? $"from 0x{start:x12} {SafeText.Escape(path ?? string.Empty)}".TrimEnd()
        : SafeText.Escape(path ?? string.Empty);
}
