namespace MemProc;

/// <summary>What the kernel can tell of a page frame.</summary>
[Flags]
public enum FrameFields
{
    /// <summary>Nothing.</summary>
    None = 0,
    /// <summary>Its flags (<c>/proc/kpageflags</c>).</summary>
    Flags = 1,
    /// <summary>How many times it is mapped (<c>/proc/kpagecount</c>).</summary>
    MapCount = 2,
    /// <summary>The memory cgroup that pays for it (<c>/proc/kpagecgroup</c>).</summary>
    Cgroup = 4,
    /// <summary>All of it.</summary>
    All = Flags | MapCount | Cgroup,
}
