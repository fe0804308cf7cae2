using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>Where the kernel maps physical memory, and the layout of page tables.</summary>
/// <param name="DirectMap">The kernel's address of physical address 0.</param>
/// <param name="Format">The layout.</param>
/// <param name="EncryptionMask">The bit of physical addresses that marks encrypted memory; 0 for none.</param>
internal sealed record KernelPageTables(ulong DirectMap, PageTableFormat Format, ulong EncryptionMask = 0)
{
    private const int SignatureBytes = 64;

    /// <summary>
    /// Finds the direct map. A page of this process holds random bytes, pagemap has its frame, and the address at which
    /// the kernel sees those bytes gives the rest.
    /// </summary>
    /// <param name="reader">The kernel's memory.</param>
    /// <param name="files">Where the kernel's file systems are mounted.</param>
    /// <param name="task">Address of a task_struct of this process.</param>
    /// <exception cref="MemProcException">
    /// ReadKernelMemory: EPERM if the kernel hides frame numbers, ENODATA if the bytes were not found, EOPNOTSUPP if the
    /// entries have an unknown layout.
    /// </exception>
    public static KernelPageTables Find(KernelReader reader, KernelFiles files, ulong task)
    {
        using LinuxProcess self = LinuxProcess.OpenSelf(files);
        using OwnPage page = new();
        byte[] signature = new byte[SignatureBytes];
        // Random is enough to tell the page from others, and unlike cryptography it needs no library of the system.
        Random.Shared.NextBytes(signature);
        page.Write(signature);
        ulong root = reader.ReadUInt64(reader.ReadUInt64(task, reader.Layout.TaskMemory), reader.Layout.Memory.PageTable);
        int levels = KernelAddresses.LevelsFor(root);
        const int Attempts = 3;
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            ulong pfn = FrameOf(self, page.Address);
            foreach (ulong candidate in KernelAddresses.DirectMapCandidates(root, levels, MachinePage.SizeBytes))
            {
                if (HasSignature(reader, candidate + pfn * MachinePage.SizeBytes, signature))
                {
                    (PageTableFormat format, ulong encryption) = FormatOf(reader, root, candidate, levels, page.Address, pfn);
                    return new KernelPageTables(candidate, format, encryption);
                }
            }
        }

        throw new MemProcException(Operation.ReadKernelMemory, Errno.ENODATA,
            "The address at which the kernel maps physical memory was not found. Page tables cannot be walked without it.");
    }

    private static bool HasSignature(KernelReader reader, ulong address, byte[] signature)
    {
        Span<byte> found = stackalloc byte[SignatureBytes];
        return reader.TryRead(address, found) == Errno.None && found.SequenceEqual(signature);
    }

    /// <summary>Returns the frame of a page of this process that is in memory.</summary>
    /// <exception cref="MemProcException">ReadKernelMemory, EPERM: the kernel hides frame numbers.</exception>
    internal static ulong FrameOf(LinuxProcess self, ulong address)
    {
        ulong page = MachinePage.Floor(address);
        RawPageMapEntry entry = new(new PageMapReader(self).ReadAll(page, page + MachinePage.SizeBytes).First().Entries.Span[0]);
        return entry.IsPresent && !entry.IsPfnHidden ? entry.Pfn : throw new MemProcException(
            Operation.ReadKernelMemory, Errno.EPERM,
            "The kernel hides frame numbers from this user. The frame of an own page is needed to find where the kernel "
            + "maps physical memory and describes its frames. "
            + CallerRights.Read(self.Files).Explain([Capability.SysAdmin]));
    }

    /// <summary>
    /// Finds the format of entries, and the bit that marks encrypted memory: the one by which the walk to the own page ends
    /// at its frame.
    /// </summary>
    private static (PageTableFormat Format, ulong Encryption) FormatOf(
        KernelReader reader, ulong root, ulong directMap, int levels, ulong address, ulong pfn)
    {
        foreach ((PageTableFormat format, ulong encryption) in PageTableFormat.Candidates(levels))
        {
            ulong table = root;
            for (int level = levels; ; level--)
            {
                ulong entry = 0;
                Errno errno = reader.TryRead(table + (ulong)(format.IndexOf(address, level) * PageTableFormat.EntryBytes),
                    MemoryMarshal.AsBytes(new Span<ulong>(ref entry)));
                PageTableBits bits = format.Decode(entry, level);
                if (errno != Errno.None || !bits.IsPresent)
                {
                    break;
                }

                if (bits.IsLeaf)
                {
                    ulong within = address & (format.BytesOf(level) - 1);
                    if ((bits.PhysicalAddress + within) / MachinePage.SizeBytes == pfn)
                    {
                        return (format, encryption);
                    }

                    break;
                }

                table = directMap + bits.PhysicalAddress;
            }
        }

        throw new MemProcException(Operation.ReadKernelMemory, Errno.EOPNOTSUPP,
            $"The entries of this machine's page tables ({levels} levels) have an unknown layout.");
    }
}
