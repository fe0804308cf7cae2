using System.Runtime.InteropServices;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// The kernel's bitmap of idle frames, <c>/sys/kernel/mm/page_idle/bitmap</c> (<c>mm/page_idle.c</c>): a bit a frame,
/// in words of 64. A bit that is written as 1 marks the frame, one that is 0 changes nothing; a frame that was touched
/// since reads as 0, and so does one that cannot be marked. Only the first frame of a folio counts, for all of it.
/// </summary>
public sealed class IdleBitmap : IDisposable
{
    /// <summary>Frames of a word.</summary>
    internal const ulong WordFrames = 64;

    /// <summary>A file of sysfs takes and gives 4 KiB at once.</summary>
    private const int LongestRun = 512;

    private readonly SafeFileHandle _file;
    private readonly Operation _operation;

    private IdleBitmap(SafeFileHandle file, Operation operation)
    {
        _file = file;
        _operation = operation;
    }

    /// <summary>Opens the bitmap.</summary>
    /// <param name="operation">What it is wanted for.</param>
    /// <param name="files">Where sysfs is.</param>
    /// <exception cref="MemProcException">
    /// ENOENT: the kernel has none; EACCES without root; EROFS where sysfs is read-only, as in containers.
    /// </exception>
    public static IdleBitmap Open(Operation operation, KernelFiles? files = null)
    {
        string path = $"{(files ?? KernelFiles.Default).Sys}/kernel/mm/page_idle/bitmap";
        Errno errno = Libc.TryOpenAt(null, path, OpenAccess.ReadWrite, out SafeFileHandle? file);
        return file is null
            ? throw new MemProcException(operation, errno, errno switch
            {
                Errno.ENOENT or Errno.ENOTDIR => $"This kernel does not track idle pages: there is no {path} "
                    + "(CONFIG_IDLE_PAGE_TRACKING). A working set can be measured by referenced bits instead.",
                Errno.EACCES or Errno.EPERM => $"{path} is for root alone: run as root, or with CAP_DAC_OVERRIDE.",
                Errno.EROFS => $"{path} cannot be written: sysfs is mounted read-only here, as in containers.",
                _ => $"{path} cannot be opened: {ErrnoException.Describe(errno)} ({errno}).",
            }, path)
            : new IdleBitmap(file, operation);
    }

    /// <summary>Marks frames as idle, neighbours in one write. Those that cannot be marked are passed over.</summary>
    /// <param name="pfns">Frame numbers in rising order.</param>
    /// <exception cref="MemProcException">The kernel refused.</exception>
    public void Mark(ReadOnlySpan<ulong> pfns)
    {
        Span<ulong> words = stackalloc ulong[LongestRun];
        for (int next = 0; next < pfns.Length;)
        {
            int first = next;
            Span<ulong> run = words[..RunLength(pfns, ref next)];
            run.Clear();
            foreach (ulong pfn in pfns[first..next])
            {
                run[(int)(pfn / WordFrames - pfns[first] / WordFrames)] |= Bit(pfn);
            }

            Write(pfns[first] / WordFrames * sizeof(ulong), MemoryMarshal.AsBytes(run));
        }
    }

    /// <summary>Asks which frames are idle still. The kernel looks into the page tables of all who map them.</summary>
    /// <param name="pfns">Frame numbers in rising order.</param>
    /// <param name="idle">An answer a frame.</param>
    /// <exception cref="MemProcException">The kernel refused.</exception>
    public void Read(ReadOnlySpan<ulong> pfns, Span<bool> idle)
    {
        Span<ulong> words = stackalloc ulong[LongestRun];
        for (int next = 0; next < pfns.Length;)
        {
            int first = next;
            Span<ulong> run = words[..RunLength(pfns, ref next)];
            int read = ReadWords(pfns[first] / WordFrames * sizeof(ulong), run);
            for (int index = first; index < next; index++)
            {
                int place = (int)(pfns[index] / WordFrames - pfns[first] / WordFrames);
                idle[index] = place < read && (run[place] & Bit(pfns[index])) != 0;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static ulong Bit(ulong pfn) => 1UL << (int)(pfn % WordFrames);

    /// <summary>
    /// How many words, each with a wanted frame, follow each other. Words in between are left alone: reading one makes
    /// the kernel look after 64 frames that may be anybody's.
    /// </summary>
    private static int RunLength(ReadOnlySpan<ulong> pfns, ref int next)
    {
        ulong first = pfns[next] / WordFrames;
        ulong last = first;
        while (next < pfns.Length && pfns[next] / WordFrames - last <= 1 && pfns[next] / WordFrames - first < LongestRun)
        {
            last = pfns[next++] / WordFrames;
        }

        return (int)(last - first) + 1;
    }

    private void Write(ulong offset, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            Errno errno = Libc.TryPWrite(_file, bytes, offset, out int written);
            // Beyond the machine's last frame: memory of a device, which is never idle.
            if (errno == Errno.ENXIO || (errno == Errno.None && written == 0))
            {
                return;
            }

            if (errno != Errno.None)
            {
                throw Refused("written", offset, errno);
            }

            bytes = bytes[written..];
            offset += (ulong)written;
        }
    }

    private int ReadWords(ulong offset, Span<ulong> words)
    {
        try
        {
            return Libc.PReadFully(_file, MemoryMarshal.AsBytes(words), offset) / sizeof(ulong);
        }
        catch (ErrnoException error)
        {
            throw Refused("read", offset, error.Errno);
        }
    }

    private MemProcException Refused(string verb, ulong offset, Errno errno)
    {
        ulong pfn = offset / sizeof(ulong) * WordFrames;
        return new MemProcException(_operation, errno, $"The idle bitmap cannot be {verb} at frame 0x{pfn:x}: "
            + $"{ErrnoException.Describe(errno)} ({errno}).", pfn);
    }
}
