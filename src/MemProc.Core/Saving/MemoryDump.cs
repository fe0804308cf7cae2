namespace MemProc;

/// <summary>Memory of a process that was saved to files.</summary>
public sealed class MemoryDump : ProcessOutput
{
    internal MemoryDump(ProcessIdentity process) => Process = process;

    internal override ProcessIdentity Process { get; }

    /// <summary>The core file, or the directory.</summary>
    public required string Path { get; init; }

    /// <summary>The form of the output.</summary>
    public required MemoryDumpFormat Format { get; init; }

    /// <summary>It is compressed with gzip.</summary>
    public required bool IsCompressed { get; init; }

    /// <summary>It has the page information.</summary>
    public bool HasPageInfo { get; init; }

    /// <summary>What the page information lacks, and why; null where nothing is missing, or none was requested.</summary>
    public string? MissingPageInfo { get; init; }

    /// <summary>
    /// All threads were stopped during the save, so that all bytes belong to one moment. Otherwise changes that the
    /// process made during the save may be included in part.
    /// </summary>
    public required bool IsConsistent { get; init; }

    /// <summary>Number of mappings covered, those without a saved byte included.</summary>
    public required int MappingCount { get; init; }

    /// <summary>Number of threads whose registers are included.</summary>
    public required int ThreadCount { get; init; }

    /// <summary>Length of the file, or of all files together, holes included.</summary>
    public required ulong SizeBytes { get; init; }

    /// <summary>Bytes of memory saved, without pages of zeros.</summary>
    public required ulong SavedBytes { get; init; }

    /// <summary>
    /// What was not saved, in address order: not resident, left out, or unreadable. Memory that was never touched holds
    /// zeros and is not a gap.
    /// </summary>
    public required OutputList<MemoryGap> Gaps { get; init; }

    /// <summary>When the save began, in local time.</summary>
    public required DateTime Time { get; init; }

    /// <summary>Returns process, size and file.</summary>
    public override string ToString() => $"{Process}: {HumanSize.Format(SavedBytes)} in {SafeText.Escape(Path)}";
}
