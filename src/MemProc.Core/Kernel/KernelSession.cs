using System.Runtime.InteropServices;
using System.Security.Cryptography;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// The kernel's memory, open for reading, with all that is needed to find one's way in it. It serves typed answers
/// about processes that the user may read anyway, and hands out no other way in.
/// </summary>
internal sealed class KernelSession : IDisposable
{
    private const int SignatureBytes = 64;

    private readonly KernelMemory _memory;
    private readonly KernelFiles _files;
    private readonly Lazy<Translation> _translation;
    private readonly Lazy<ulong> _ownTask;

    private KernelSession(KernelMemory memory, KernelReadSource source, KernelFiles files)
    {
        _memory = memory;
        _files = files;
        Source = source;
        Layout = KernelLayout.Of(files);
        _translation = new Lazy<Translation>(Calibrate);
        _ownTask = new Lazy<ulong>(() => KernelTasks.FindOwn(this, files));
    }

    /// <summary>A session over memory and tables that are known already.</summary>
    /// <param name="memory">The memory; it is disposed with the session.</param>
    /// <param name="files">Where the kernel's file systems are.</param>
    /// <param name="tables">How page tables are laid out.</param>
    internal KernelSession(KernelMemory memory, KernelFiles files, Translation tables)
        : this(memory, KernelReadSource.Kcore, files) => _translation = new Lazy<Translation>(tables);

    /// <summary>How the memory is read: never Auto.</summary>
    public KernelReadSource Source { get; }

    /// <summary>Where the members of structures lie.</summary>
    public KernelLayout Layout { get; }

    /// <summary>How page tables are laid out, and where their memory is in the kernel's addresses.</summary>
    /// <exception cref="MemProcException">ReadKernelMemory: it cannot be found out.</exception>
    public Translation PageTables => _translation.Value;

    /// <summary>Opens the kernel's memory.</summary>
    /// <param name="source">How to read it.</param>
    /// <param name="files">Where the kernel's file systems are.</param>
    /// <exception cref="MemProcException">
    /// ReadKernelMemory, ReadBtf: no way works; the message says of each why not.
    /// </exception>
    public static KernelSession Open(KernelReadSource source = KernelReadSource.Auto, KernelFiles? files = null)
    {
        files ??= KernelFiles.Default;
        (KernelMemory memory, KernelReadSource found) = KernelSources.Open(source, files);
        try
        {
            return new KernelSession(memory, found, files);
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    /// <summary>Reads memory that has to be there.</summary>
    /// <exception cref="MemProcException">ReadKernelMemory, EFAULT: nothing can be read there.</exception>
    public void Read(ulong address, Span<byte> buffer)
    {
        Errno errno = TryRead(address, buffer);
        if (errno != Errno.None)
        {
            throw new MemProcException(Operation.ReadKernelMemory, errno,
                $"The kernel's memory at 0x{address:x} cannot be read: {ErrnoException.Describe(errno)} ({errno}).", address);
        }
    }

    /// <summary>Reads memory that may be gone.</summary>
    public Errno TryRead(ulong address, Span<byte> buffer) => _memory.TryRead(address, buffer);

    /// <inheritdoc cref="KernelMemory.TryReadMany"/>
    public Errno TryReadMany(ReadOnlySpan<ulong> addresses, int length, Span<byte> buffer) =>
        _memory.TryReadMany(addresses, length, buffer);

    /// <summary>Reads a word of 64 bits that has to be there.</summary>
    /// <inheritdoc cref="Read"/>
    public ulong ReadWord(ulong address)
    {
        ulong value = 0;
        Read(address, MemoryMarshal.AsBytes(new Span<ulong>(ref value)));
        return value;
    }

    /// <summary>Reads a word of 32 bits that has to be there.</summary>
    /// <inheritdoc cref="Read"/>
    public uint ReadHalf(ulong address)
    {
        uint value = 0;
        Read(address, MemoryMarshal.AsBytes(new Span<uint>(ref value)));
        return value;
    }

    /// <summary>
    /// Address of the struct file behind one of this process' descriptors: the way from what the kernel has let the user
    /// open to what stands behind it.
    /// </summary>
    public ulong FileOf(SafeFileHandle handle)
    {
        bool referenced = false;
        try
        {
            handle.DangerousAddRef(ref referenced);
            ulong table = ReadWord(ReadWord(CurrentTask() + (ulong)Layout.TaskFiles) + (ulong)Layout.FilesTable);
            return ReadWord(ReadWord(table + (ulong)Layout.TableFiles) + 8 * (ulong)handle.DangerousGetHandle());
        }
        finally
        {
            if (referenced)
            {
                handle.DangerousRelease();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    /// <summary>The way that goes by a list of tasks finds one that stays the same; the others ask who runs.</summary>
    private ulong CurrentTask() => _memory.CurrentTask() is var task and not 0 ? task : _ownTask.Value;

    /// <summary>
    /// Finds where the kernel has all physical memory mapped: a page of our own holds random bytes, its frame is known
    /// from pagemap, and the place where those bytes are found tells the rest.
    /// </summary>
    private Translation Calibrate()
    {
        using LinuxProcess self = LinuxProcess.Open(Environment.ProcessId, files: _files);
        using OwnPage page = new();
        byte[] signature = RandomNumberGenerator.GetBytes(SignatureBytes);
        page.Write(signature);
        ulong table = ReadWord(ReadWord(CurrentTask() + (ulong)Layout.TaskMemory) + (ulong)Layout.Memory.PageTable);
        int levels = KernelAddresses.LevelsFor(table);
        const int Attempts = 3;
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            ulong pfn = FrameOf(self, page.Address);
            foreach (ulong candidate in KernelAddresses.DirectMapCandidates(table, levels))
            {
                if (Holds(candidate + pfn * MachinePage.SizeBytes, signature))
                {
                    return new Translation(candidate, PageTableFormat.Native(
                        levels, EncryptionBit(table, candidate, levels, page.Address, pfn)));
                }
            }
        }

        throw new MemProcException(Operation.ReadKernelMemory, Errno.ENODATA,
            "The place where the kernel maps physical memory was not found; without it page tables cannot be walked.");
    }

    private bool Holds(ulong address, byte[] signature)
    {
        Span<byte> found = stackalloc byte[SignatureBytes];
        return TryRead(address, found) == Errno.None && found.SequenceEqual(signature);
    }

    private static ulong FrameOf(LinuxProcess self, ulong address)
    {
        PageMapWord word = new(new PageMapReader(self).ReadAll(
            MachinePage.Floor(address), MachinePage.Floor(address) + MachinePage.SizeBytes).First().Words.Span[0]);
        return word.IsPresent && !word.IsPfnHidden ? word.Pfn : throw new MemProcException(Operation.ReadKernelMemory, Errno.EPERM,
            "The kernel hides frame numbers from this user, and by the frame of an own page it is found out where physical "
            + "memory is mapped: it takes CAP_SYS_ADMIN (run as root).");
    }

    /// <summary>
    /// Where memory is encrypted, entries have one high bit set beside the address: what our own page's entry has over its
    /// frame number.
    /// </summary>
    private ulong EncryptionBit(ulong table, ulong directMap, int levels, ulong address, ulong pfn)
    {
        PageTableFormat plain = PageTableFormat.Native(levels, 0);
        foreach (ulong bit in KernelAddresses.EncryptionBits)
        {
            PageTableFormat format = PageTableFormat.Native(levels, bit);
            ulong next = table;
            for (int level = levels; ; level--)
            {
                ulong entry = 0;
                Errno errno = TryRead(next + (ulong)(format.IndexOf(address, level) * PageTableFormat.EntryBytes),
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
                        return bit;
                    }

                    break;
                }

                next = directMap + bits.PhysicalAddress;
            }
        }

        throw new MemProcException(Operation.ReadKernelMemory, Errno.EOPNOTSUPP,
            $"The entries of this machine's page tables ({plain.Levels} levels) have a form that is not known.");
    }

    /// <summary>Where the kernel maps physical memory, and how page tables are laid out.</summary>
    /// <param name="DirectMap">The kernel's address of physical address 0.</param>
    /// <param name="Format">The layout.</param>
    internal sealed record Translation(ulong DirectMap, PageTableFormat Format);
}
