using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>One number of each page frame.</summary>
internal abstract class FrameColumn : IDisposable
{
    /// <summary>The largest distance of two frames that are read at once.</summary>
    public abstract ulong MaxGapFrames { get; }

    /// <summary>Reads the numbers of consecutive frames.</summary>
    /// <returns>How many there are: fewer after the last frame, or before one that is unknown.</returns>
    /// <exception cref="MemProcException">ReadPageFlags: they cannot be read.</exception>
    public abstract int Read(ulong pfn, Span<ulong> words);

    /// <summary>Reads the numbers of frames in ascending order. Returns how many leading ones there are.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int ReadSorted(ReadOnlySpan<ulong> pfns, Span<ulong> words)
    {
        ulong[] buffer = [];
        for (int first = 0; first < pfns.Length;)
        {
            int last = first;
            while (last + 1 < pfns.Length && pfns[last + 1] - pfns[last] <= MaxGapFrames)
            {
                last++;
            }

            int span = (int)(pfns[last] - pfns[first]) + 1;
            if (buffer.Length < span)
            {
                buffer = new ulong[Math.Max(span, 64)];
            }

            int read = Read(pfns[first], buffer.AsSpan(0, span));
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

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases resources.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}

/// <summary>A table of the kernel, or a saved copy of it.</summary>
/// <param name="table">The open file.</param>
internal sealed class FrameTableFile(SafeFileHandle table) : FrameColumn
{
    /// <summary>Reading this many other entries is cheaper than another system call.</summary>
    public override ulong MaxGapFrames => 8;

    /// <inheritdoc/>
    public override int Read(ulong pfn, Span<ulong> words)
    {
        // A frame number whose offset would overflow is after the end of every table.
        if (pfn > long.MaxValue / sizeof(ulong) - FrameTables.BatchFrames * MaxGapFrames)
        {
            return 0;
        }

        try
        {
            return Libc.PReadFully(table, MemoryMarshal.AsBytes(words), pfn * sizeof(ulong)) / sizeof(ulong);
        }
        catch (ErrnoException error)
        {
            throw new MemProcException(Operation.ReadPageFlags, error.Errno,
                $"Cannot read the frames from 0x{pfn:x}: {error.Message}.", pfn);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            table.Dispose();
        }

        base.Dispose(disposing);
    }
}

/// <summary>A number of the frames that a core has.</summary>
/// <param name="frames">The frames.</param>
/// <param name="select">Selects the number.</param>
internal sealed class SavedFrameColumn(SavedFrames frames, Func<SavedFrameRun, ulong> select) : FrameColumn
{
    /// <summary>Frames between those of the process are unknown.</summary>
    public override ulong MaxGapFrames => 1;

    /// <inheritdoc/>
    public override int Read(ulong pfn, Span<ulong> words)
    {
        int read = 0;
        while (read < words.Length && frames.TryFind(pfn + (ulong)read, out SavedFrameRun run))
        {
            int count = (int)Math.Min(run.End - (pfn + (ulong)read), (ulong)(words.Length - read));
            words.Slice(read, count).Fill(select(run));
            read += count;
        }

        return read;
    }
}
