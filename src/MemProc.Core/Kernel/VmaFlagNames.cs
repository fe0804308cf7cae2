namespace MemProc;

/// <summary>Names of vm_flags (<c>include/linux/mm.h</c>): those whose bits have not moved from Linux 5.10 to 6.18.</summary>
internal static class VmaFlagNames
{
    private const ulong Read = 1;
    private const ulong Write = 2;
    private const ulong Execute = 4;
    private const ulong Shared = 8;

    /// <summary>The page list shows a mapping as shared by this one, also where it cannot be written.</summary>
    private const ulong MayShare = 0x80;

    private static readonly (ulong Bit, string Name)[] Names =
    [
        (Read, "READ"), (Write, "WRITE"), (Execute, "EXEC"), (Shared, "SHARED"), (0x10, "MAYREAD"), (0x20, "MAYWRITE"),
        (0x40, "MAYEXEC"), (MayShare, "MAYSHARE"), (0x100, "GROWSDOWN"), (0x200, "UFFD_MISSING"), (0x400, "PFNMAP"),
        (0x1000, "UFFD_WP"), (0x2000, "LOCKED"), (0x4000, "IO"), (0x8000, "SEQ_READ"), (0x1_0000, "RAND_READ"),
        (0x2_0000, "DONTCOPY"), (0x4_0000, "DONTEXPAND"), (0x8_0000, "LOCKONFAULT"), (0x10_0000, "ACCOUNT"),
        (0x20_0000, "NORESERVE"), (0x40_0000, "HUGETLB"), (0x80_0000, "SYNC"), (0x200_0000, "WIPEONFORK"),
        (0x400_0000, "DONTDUMP"), (0x800_0000, "SOFTDIRTY"), (0x1000_0000, "MIXEDMAP"), (0x2000_0000, "HUGEPAGE"),
        (0x4000_0000, "NOHUGEPAGE"), (0x8000_0000, "MERGEABLE"),
    ];

    /// <summary>The names of the bits that are set; bits without a name are in the number alone.</summary>
    public static string[] Of(ulong flags) => [.. Names.Where(flag => (flags & flag.Bit) != 0).Select(flag => flag.Name)];

    /// <summary>The four letters of a list of mappings.</summary>
    public static string Letters(ulong flags) => string.Create(4, flags, static (letters, bits) =>
    {
        letters[0] = (bits & Read) != 0 ? 'r' : '-';
        letters[1] = (bits & Write) != 0 ? 'w' : '-';
        letters[2] = (bits & Execute) != 0 ? 'x' : '-';
        letters[3] = (bits & MayShare) != 0 ? 's' : 'p';
    });
}
