using System.Diagnostics;
using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Reads the kernel's own list of a process' mappings. No lock is held: a list that changed during the read is read again.
/// Before Linux 6.4 the kernel does not count changes: the list is read until two reads in succession are equal.
/// </summary>
/// <param name="source">How to read the kernel's memory. It is opened at the first use.</param>
/// <param name="files">Where the kernel's file systems are mounted; null for the usual places.</param>
/// <param name="cancellation">Stops the read.</param>
public sealed class KernelVmaReader(
    KernelReadSource source = KernelReadSource.Auto, KernelFiles? files = null, CancellationToken cancellation = default)
    : IDisposable
{
    /// <summary>Attempts without a pause. A fork of a large process changes the mappings for longer than they take.</summary>
    private const int SpinAttempts = 1000;

    /// <summary>Later attempts without a pause: one has to fit between two changes of a thread that keeps mapping.</summary>
    private const int BurstAttempts = 50;

    /// <summary>How long a list is tried to be read.</summary>
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(4);

    private readonly KernelReader _reader = new(source, files);
    private (ulong Bit, string Name)[]? _tagFlags;

    /// <summary>Creates a reader over memory that is open already.</summary>
    internal KernelVmaReader(KernelReader reader)
        : this() => _reader = reader;

    /// <inheritdoc cref="PageTableReader.Source"/>
    public KernelReadSource Source => _reader.Source;

    /// <summary>Reads all mappings in address order, as they were at one moment.</summary>
    /// <param name="process">The process.</param>
    /// <exception cref="MemProcException">
    /// ReadMemory: EACCES if this user may not read the process. ReadVmas: EAGAIN if the mappings change too fast; ESRCH if
    /// the process exits. ReadKernelMemory, ReadBtf: the kernel's memory cannot be read; the message has the reason.
    /// </exception>
    public IReadOnlyList<KernelVma> Read(LinuxProcess process)
    {
        KernelProcess kernel = new(_reader, process);
        List<KernelVmaRecord> records = ReadRecords(process, kernel);
        _tagFlags ??= FindTagFlags();
        return [.. records.Select((record, index) => new KernelVma(process.Identity, kernel.Address, index, record, _tagFlags))];
    }

    /// <summary>Reads the mapping that contains an address.</summary>
    /// <param name="process">The process.</param>
    /// <param name="address">The address.</param>
    /// <exception cref="MemProcException">
    /// Those of <see cref="Read(LinuxProcess)"/>. FindMap: ENOENT if nothing is mapped at the address.
    /// </exception>
    public KernelVma Read(LinuxProcess process, ulong address) =>
        Read(process).FirstOrDefault(vma => address >= vma.Start && address < vma.End)
        ?? throw MapReader.NotMapped(process, address);

    /// <inheritdoc/>
    public void Dispose() => _reader.Dispose();

    /// <summary>Returns the flags of memory tags, from own memory with tags and without; none on other processors.</summary>
    private (ulong Bit, string Name)[] FindTagFlags()
    {
        SafeMapping? tagged = null;
        if (RuntimeInformation.ProcessArchitecture != Architecture.Arm64
            || Libc.TryMapTagged(MachinePage.SizeBytes, out tagged) != Errno.None)
        {
            return [];
        }

        using (tagged)
        using (SafeMapping plain = Libc.MapMemory(MachinePage.SizeBytes))
        using (LinuxProcess self = LinuxProcess.OpenSelf(_reader.Files))
        {
            List<KernelVmaRecord> records = ReadRecords(self, new KernelProcess(_reader, self));
            return VmaFlagNames.OfTags(FlagsAt(tagged!.Address), FlagsAt(plain.Address));

            ulong FlagsAt(ulong address) => records.Find(record => address >= record.Start && address < record.End).Flags;
        }
    }

    private List<KernelVmaRecord> ReadRecords(LinuxProcess process, KernelProcess kernel)
    {
        KernelVmaList list = new(_reader, kernel.Address, cancellation);
        List<KernelVmaRecord> found = [];
        List<KernelVmaRecord>? previous = null;
        long start = Stopwatch.GetTimestamp();
        int attempts = 0;
        for (; attempts < SpinAttempts || Stopwatch.GetElapsedTime(start) < MaxTime; attempts++)
        {
            cancellation.ThrowIfCancellationRequested();
            kernel.ThrowIfGone(Operation.ReadVmas);
            found.Clear();
            (uint? sequence, uint count) = (kernel.Sequence, kernel.MapCount);
            if (!kernel.IsChanging && list.TryRead(found) && count == found.Count && count == kernel.MapCount
                && sequence == kernel.Sequence && !kernel.IsChanging)
            {
                if (sequence is not null || previous?.SequenceEqual(found) == true)
                {
                    return found;
                }

                (previous, found) = (found, previous ?? []);
            }
            else
            {
                previous = null;
            }

            if (attempts >= SpinAttempts && attempts % BurstAttempts == 0)
            {
                cancellation.WaitHandle.WaitOne(TimeSpan.FromMilliseconds(1));
            }
        }

        throw new MemProcException(Operation.ReadVmas, Errno.EAGAIN,
            $"Process {process.Identity}: the mappings changed during each of {attempts} reads. Stop the process to read a "
            + "list that is consistent.", process.Id);
    }
}
