using System.Runtime.InteropServices;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// The kernel's bitmap of idle frames, <c>/sys/kernel/mm/page_idle/bitmap</c> (<c>mm/page_idle.c</c>): one bit for each
/// frame, in words of 64. Writing 1 marks the frame, writing 0 changes nothing. A frame that was touched since reads as
/// 0, and so does one that cannot be marked. Only the first frame of a folio counts, for the whole folio.
/// </summary>
public sealed class IdleBitmap : IDisposable
{
    /// <summary>Frames in one word of the bitmap.</summary>
    internal const ulong FramesPerWord = 64;

    /// <summary>Maximum number of words in one call: a file of sysfs transfers 4 KiB at a time.</summary>
    private const int MaxRunLength = 512;

    private readonly SafeFileHandle _file;
    private readonly Operation _operation;

    private IdleBitmap(SafeFileHandle file, Operation operation)
    {
        _file = file;
        _operation = operation;
    }

    /// <summary>Opens the bitmap.</summary>
    /// <param name="operation">The operation that needs it, for the error.</param>
    /// <param name="files">Where sysfs is.</param>
    /// <exception cref="MemProcException">
    /// ENOENT: the kernel has no bitmap; EACCES without root; EROFS where sysfs is read-only, as in containers.
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
                Errno.EACCES or Errno.EPERM => $"Cannot open {path}: {ErrnoException.Describe(errno)} ({errno}). "
                    + CallerRights.Read(files).Explain([Capability.DacOverride]),
                Errno.EROFS => $"Cannot write {path}: sysfs is mounted read-only, as in containers.",
                _ => $"Cannot open {path}: {ErrnoException.Describe(errno)} ({errno}).",
            }, path)
            : new IdleBitmap(file, operation);
    }

    /// <summary>Marks frames as idle, close ones in one write. Frames that cannot be marked are skipped.</summary>
    /// <param name="pfns">Frame numbers in ascending order.</param>
    /// <exception cref="MemProcException">The kernel reported an error.</exception>
    public void Mark(ReadOnlySpan<ulong> pfns)
    {
        Span<ulong> words = stackalloc ulong[MaxRunLength];
        for (int next = 0; next < pfns.Length;)
        {
            int first = next;
            Span<ulong> run = words[..RunLength(pfns, ref next)];
            run.Clear();
            foreach (ulong pfn in pfns[first..next])
            {
                run[(int)(pfn / FramesPerWord - pfns[first] / FramesPerWord)] |= Bit(pfn);
            }

            Write(pfns[first] / FramesPerWord * sizeof(ulong), MemoryMarshal.AsBytes(run));
        }
    }

    /// <summary>Reads which frames are still idle. The kernel checks the page tables of all processes that map them.</summary>
    /// <param name="pfns">Frame numbers in ascending order.</param>
    /// <param name="idle">Receives a result for each frame.</param>
    /// <exception cref="MemProcException">The kernel reported an error.</exception>
    public void Read(ReadOnlySpan<ulong> pfns, Span<bool> idle)
    {
        Span<ulong> words = stackalloc ulong[MaxRunLength];
        for (int next = 0; next < pfns.Length;)
        {
            int first = next;
            Span<ulong> run = words[..RunLength(pfns, ref next)];
            int read = ReadWords(pfns[first] / FramesPerWord * sizeof(ulong), run);
            for (int index = first; index < next; index++)
            {
                int place = (int)(pfns[index] / FramesPerWord - pfns[first] / FramesPerWord);
                idle[index] = place < read && (run[place] & Bit(pfns[index])) != 0;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static ulong Bit(ulong pfn) => 1UL << (int)(pfn % FramesPerWord);

    /// <summary>
    /// Returns the number of consecutive words that each have one of the frames. No other word is read, since reading it
    /// makes the kernel check 64 frames of other processes.
    /// </summary>
    private static int RunLength(ReadOnlySpan<ulong> pfns, ref int next)
    {
        ulong first = pfns[next] / FramesPerWord;
        ulong last = first;
        while (next < pfns.Length && pfns[next] / FramesPerWord - last <= 1 && pfns[next] / FramesPerWord - first < MaxRunLength)
        {
            last = pfns[next++] / FramesPerWord;
        }

        return (int)(last - first) + 1;
    }

    private void Write(ulong offset, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            Errno errno = Libc.TryPWrite(_file, bytes, offset, out int written);
            // After the machine's last frame: device memory, which is never idle.
            if (errno == Errno.ENXIO || (errno == Errno.None && written == 0))
            {
                return;
            }

            if (errno != Errno.None)
            {
                throw Failure("write", offset, errno);
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
            throw Failure("read", offset, error.Errno);
        }
    }

    private MemProcException Failure(string verb, ulong offset, Errno errno)
    {
        ulong pfn = offset / sizeof(ulong) * FramesPerWord;
        return new MemProcException(_operation, errno, $"Cannot {verb} the idle bitmap at frame 0x{pfn:x}: "
            + $"{ErrnoException.Describe(errno)} ({errno}).", pfn);
    }
}
