using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>The form in which memory is saved.</summary>
public enum MemoryDumpFormat
{
    /// <summary>One ELF core file, for debuggers.</summary>
    Core,
    /// <summary>A directory: a file for each mapping, and an index.</summary>
    Raw,
}

/// <summary>What is saved of a process' memory, and how.</summary>
public sealed record SaveOptions
{
    /// <summary>The form of the output.</summary>
    public MemoryDumpFormat Format { get; init; }

    /// <summary>Stop all threads during the save; a core then has their registers.</summary>
    public bool Stop { get; init; }

    /// <summary>
    /// Also read swapped pages, and pages of files that are not in memory. The process' memory grows by them.
    /// </summary>
    public bool ReadAll { get; init; }

    /// <inheritdoc cref="MemoryReader.AllowUserfault"/>
    public bool AllowUserfault { get; init; }

    /// <summary>Also read what the process excluded from core dumps (MADV_DONTDUMP).</summary>
    public bool IncludeDontDump { get; init; }

    /// <summary>
    /// Add the page information to a core: pagemap entries, smaps, and what the kernel reports of the frames.
    /// </summary>
    public bool PageInfo { get; init; }

    /// <summary>Leave the memory out of a core.</summary>
    public bool NoContent { get; init; }

    /// <summary>Compress with gzip.</summary>
    public bool Compress { get; init; }

    /// <summary>Replace a regular file, or a directory of raw files, of this name.</summary>
    public bool Overwrite { get; init; }

    /// <summary>A file without a name that a core is written to, and that stays open; null: one that gets a name.</summary>
    internal SafeFileHandle? Unnamed { get; init; }
}
