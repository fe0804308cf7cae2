using System.Runtime.InteropServices;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// The kernel's tables of page frames: <c>/proc/kpageflags</c>, <c>/proc/kpagecount</c>, <c>/proc/kpagecgroup</c>,
/// a word a frame (<c>fs/proc/page.c</c>). Root only.
/// </summary>
public sealed class FrameTables : IDisposable
{
    private const string Operation = "ReadPageFlags";

    /// <summary>Frames that can be asked for at once.</summary>
    public const int BatchFrames = 16 * 1024;

    /// <summary>Frames of a range that are read at once: few enough that the first answers come soon.</summary>
    private const ulong RangeFrames = 1024;

    /// <summary>Reading a few unwanted words is cheaper than another system call.</summary>
    private const ulong BridgedFrames = 16;

    private readonly SafeFileHandle _flags;
    private readonly SafeFileHandle _counts;
    private readonly SafeFileHandle? _cgroups;

    /// <summary>Opens the tables.</summary>
    /// <exception cref="MemProcException">ReadPageFlags: EACCES without root; ENOENT where the kernel has none.</exception>
    public FrameTables(KernelFiles? files = null)
    {
        files ??= KernelFiles.Default;
        _flags = Open(files, "kpageflags");
        _counts = Open(files, "kpagecount");
        // Kernels without memory cgroups lack this one.
        _ = Libc.TryOpenAt(null, $"{files.Proc}/kpagecgroup", OpenAccess.ReadOnly, out _cgroups);
    }

    /// <summary>Reads what the kernel knows of frames, neighbours together.</summary>
    /// <param name="pfns">Frame numbers in any order, at most <see cref="BatchFrames"/>.</param>
    /// <param name="raw">Show flags of the kernel's internals, and overloaded ones by what they mean.</param>
    /// <returns>An answer a frame, in the order asked; null where the number is beyond the last frame.</returns>
    /// <exception cref="MemProcException">A table cannot be read.</exception>
    public PageFlags?[] Read(ReadOnlySpan<ulong> pfns, bool raw)
    {
        ulong[] sorted = pfns.ToArray();
        int[] order = new int[sorted.Length];
        for (int index = 0; index < order.Length; index++)
        {
            order[index] = index;
        }

        Array.Sort(sorted, order);
        ulong[] flags = new ulong[sorted.Length];
        ulong[] counts = new ulong[sorted.Length];
        ulong[] cgroups = new ulong[sorted.Length];
        int known = ReadWords(_flags, sorted, flags);
        ReadWords(_counts, sorted.AsSpan(0, known), counts);
        if (_cgroups is not null)
        {
            ReadWords(_cgroups, sorted.AsSpan(0, known), cgroups);
        }

        PageFlags?[] result = new PageFlags?[sorted.Length];
        for (int index = 0; index < known; index++)
        {
            result[order[index]] = new PageFlags(sorted[index], new KernelPageWord(flags[index]), raw,
                counts[index], _cgroups is null ? null : cgroups[index]);
        }

        return result;
    }

    /// <summary>Reads what the kernel knows of neighbouring frames, piece by piece.</summary>
    /// <param name="first">The first frame number.</param>
    /// <param name="count">How many.</param>
    /// <param name="raw">As for <see cref="Read"/>.</param>
    /// <exception cref="MemProcException">
    /// A table cannot be read; EINVAL at the first number beyond the machine's last frame.
    /// </exception>
    public IEnumerable<PageFlags> ReadRange(ulong first, ulong count, bool raw)
    {
        ulong[] pfns = new ulong[(int)Math.Min(count, RangeFrames)];
        for (ulong done = 0; done < count; done += (ulong)pfns.Length)
        {
            int size = (int)Math.Min(count - done, (ulong)pfns.Length);
            for (int index = 0; index < size; index++)
            {
                pfns[index] = first + done + (ulong)index;
            }

            PageFlags?[] frames = Read(pfns.AsSpan(0, size), raw);
            for (int index = 0; index < size; index++)
            {
                yield return frames[index] ?? throw Beyond(pfns[index]);
            }
        }
    }

    /// <summary>The exception for a frame that the machine does not have.</summary>
    public static MemProcException Beyond(ulong pfn) =>
        new(Operation, Errno.EINVAL, $"Frame 0x{pfn:x} is beyond the machine's last one.", pfn);

    /// <summary>Reads a frame number that a person wrote, by the rules of addresses.</summary>
    /// <exception cref="FormatException">The text is no number.</exception>
    public static ulong ParsePfn(string text)
    {
        try
        {
            return ProcAddress.ParseNumber(text);
        }
        catch (FormatException error)
        {
            throw new FormatException(
                $"'{SafeText.Escape(text)}' is no frame number. Write 0xc963, or c963 (a text with a letter a to f is "
                + "hex), or a decimal number.", error);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _flags.Dispose();
        _counts.Dispose();
        _cgroups?.Dispose();
    }

    private static SafeFileHandle Open(KernelFiles files, string name)
    {
        string path = $"{files.Proc}/{name}";
        Errno errno = Libc.TryOpenAt(null, path, OpenAccess.ReadOnly, out SafeFileHandle? handle);
        return handle ?? throw new MemProcException(Operation, errno, errno switch
        {
            Errno.EACCES or Errno.EPERM => $"{path} is for root alone: run as root, or with CAP_DAC_OVERRIDE.",
            Errno.ENOENT => $"This kernel has no {path} (CONFIG_PROC_PAGE_MONITOR).",
            _ => $"{path} cannot be opened: {ErrnoException.Describe(errno)} ({errno}).",
        }, path);
    }

    /// <summary>Reads the words of frames in rising order. Returns for how many the table had one.</summary>
    private static int ReadWords(SafeFileHandle table, ReadOnlySpan<ulong> pfns, Span<ulong> words)
    {
        ulong[] buffer = [];
        for (int first = 0; first < pfns.Length;)
        {
            int last = first;
            while (last + 1 < pfns.Length && pfns[last + 1] - pfns[last] <= BridgedFrames)
            {
                last++;
            }

            int span = (int)(pfns[last] - pfns[first]) + 1;
            if (buffer.Length < span)
            {
                buffer = new ulong[Math.Max(span, 64)];
            }

            int read = ReadTable(table, pfns[first], buffer.AsSpan(0, span));
            for (int index = first; index <= last; index++)
            {
                int place = (int)(pfns[index] - pfns[first]);
                if (place >= read)
                {
                    return index;
                }

                words[index] = buffer[place];
            }

            first = last + 1;
        }

        return pfns.Length;
    }

    private static int ReadTable(SafeFileHandle table, ulong pfn, Span<ulong> words)
    {
        // A frame number whose offset would overflow is beyond any table.
        if (pfn > long.MaxValue / sizeof(ulong) - BatchFrames * BridgedFrames)
        {
            return 0;
        }

        try
        {
            return Libc.PReadFully(table, MemoryMarshal.AsBytes(words), pfn * sizeof(ulong)) / sizeof(ulong);
        }
        catch (ErrnoException error)
        {
            throw new MemProcException(Operation, error.Errno,
                $"The words of the frames from 0x{pfn:x} on cannot be read: {error.Message}.", pfn);
        }
    }
}
