namespace MemProc;

/// <summary>Selects pages. All conditions that are set must hold.</summary>
public sealed class PageFilter
{
    private const ulong Present = 1UL << 63, Swapped = 1UL << 62, File = 1UL << 61, Guard = PageMapSupport.Guard,
        Exclusive = PageMapSupport.Exclusive, SoftDirty = PageMapSupport.SoftDirty;

    private ulong _set;
    private ulong _clear;

    /// <summary>In memory.</summary>
    public bool IsPresent { init => Require(value, Present, 0); }

    /// <summary>In swap.</summary>
    public bool IsSwapped { init => Require(value, Swapped, Guard); }

    /// <summary>Written since soft-dirty bits were cleared.</summary>
    public bool IsSoftDirty { init => Require(value, SoftDirty, 0); }

    /// <summary>Mapped by this process only.</summary>
    public bool IsExclusive { init => Require(value, Exclusive, 0); }

    /// <summary>Backed by a file or by shared anonymous memory.</summary>
    public bool IsFile { init => Require(value, File, 0); }

    /// <summary>Private anonymous memory, in memory or in swap.</summary>
    public bool IsAnonymous
    {
        init
        {
            Require(value, 0, File | Guard);
            NeedsEntryContent |= value;
        }
    }

    /// <summary>A guard region.</summary>
    public bool IsGuard { init => Require(value, Guard, 0); }

    /// <summary>Mapped by a page-table entry larger than a page.</summary>
    public bool IsHuge { get; init; }

    /// <summary>Selects by the frames that back the pages.</summary>
    public FrameFilter Frame { get; init; } = new();

    private bool NeedsEntryContent { get; set; }

    /// <summary>Returns whether a page is selected, as far as the page table decides it.</summary>
    /// <param name="entry">Its pagemap entry.</param>
    /// <param name="isHuge">Whether it is mapped by a larger entry; null: unknown.</param>
    public bool Matches(ulong entry, bool? isHuge) =>
        (entry & _set) == _set && (entry & _clear) == 0 && (!IsHuge || isHuge == true)
        && (!NeedsEntryContent || (entry & (Present | Swapped)) != 0);

    /// <summary>Throws where this kernel does not report what the filter selects by, so that it would select nothing.</summary>
    /// <param name="files">Where procfs is.</param>
    /// <exception cref="MemProcException">ReadPageMap, ENOSYS.</exception>
    public void ThrowIfUnsupported(KernelFiles? files = null) =>
        PageMapSupport.ThrowIfUnknown(_set, PageMapSupport.UnknownBits(files ?? KernelFiles.Default));

    /// <summary>Throws where the kernel of a process or core did not report what the filter selects by.</summary>
    /// <param name="target">The process or core.</param>
    /// <exception cref="MemProcException">ReadPageMap, ENOSYS; ENODATA where a core has no page information.</exception>
    public void ThrowIfUnsupported(MemoryTarget target) =>
        PageMapSupport.ThrowIfUnknown(_set, PageMapSupport.UnknownBits(target));

    private void Require(bool isRequired, ulong set, ulong clear)
    {
        _set |= isRequired ? set : 0;
        _clear |= isRequired ? clear : 0;
    }
}
