namespace MemProc;

/// <summary>What is to be saved of a process' memory, and how.</summary>
public sealed record SaveOptions
{
    /// <summary>What it becomes.</summary>
    public MemoryDumpFormat Format { get; init; }

    /// <summary>Hold all threads meanwhile; a core then has their registers.</summary>
    public bool Stop { get; init; }

    /// <summary>
    /// Read what is swapped out and pages of files that are not in memory, too. The process' memory grows by them.
    /// </summary>
    public bool ReadAll { get; init; }

    /// <summary>Read what the process wants in no dump (MADV_DONTDUMP), too.</summary>
    public bool IncludeDontDump { get; init; }

    /// <summary>Compress by gzip.</summary>
    public bool Compress { get; init; }

    /// <summary>Replace what is there under this name.</summary>
    public bool Overwrite { get; init; }
}
