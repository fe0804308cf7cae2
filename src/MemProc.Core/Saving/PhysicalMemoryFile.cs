namespace MemProc;

/// <summary>A range of physical memory that was read into a file.</summary>
public sealed class PhysicalMemoryFile
{
    private PhysicalMemoryFile(ulong address, ulong length, string path, MemoryGap[] gaps, KernelReadSource source)
    {
        PhysicalAddress = address;
        Length = length;
        Path = path;
        Gaps = gaps;
        Source = source;
    }

    /// <summary>Physical address of the first byte.</summary>
    public ulong PhysicalAddress { get; }

    /// <summary><see cref="PhysicalAddress"/> in hex.</summary>
    public string PhysicalAddressHex => HexText.Of(PhysicalAddress);

    /// <summary>Bytes covered, gaps included: the length of the file.</summary>
    public ulong Length { get; }

    /// <summary>The file. Gaps and blocks of zeros are holes in it.</summary>
    public string Path { get; }

    /// <summary>What could not be read, by physical address.</summary>
    public OutputList<MemoryGap> Gaps { get; }

    /// <summary>How the kernel's memory was read.</summary>
    public KernelReadSource Source { get; }

    /// <summary>Reads a range into a file, which only its owner may read.</summary>
    /// <param name="reader">Reads physical memory.</param>
    /// <param name="address">Physical address of the first byte.</param>
    /// <param name="length">Bytes, at least 1.</param>
    /// <param name="path">The file.</param>
    /// <param name="overwrite">Replace a regular file of this name.</param>
    /// <param name="progress">Called with the number of bytes covered so far.</param>
    /// <exception cref="MemProcException">
    /// ReadPhysicalMemory: nothing could be read. WriteFile: as for <see cref="MemoryFile.Copy"/>. Nothing of it remains.
    /// </exception>
    public static PhysicalMemoryFile Save(
        PhysicalMemoryReader reader, ulong address, ulong length, string path, bool overwrite, Action<ulong> progress)
    {
        IEnumerable<PhysicalMemoryBlock> blocks = reader.ReadBlocks(address, length);
        reader.Prepare();
        using AtomicFile file = new(path, overwrite);
        using DumpFileWriter stream = DumpFileWriter.Begin(file.Handle, compress: false, headerBytes: 0);
        List<MemoryGap> gaps = [];
        AtomicFile.WithErrors(path, () =>
        {
            foreach (PhysicalMemoryBlock block in blocks)
            {
                Write(stream, block.Bytes, block.PhysicalAddress - address);
                foreach (MemoryGap gap in block.Gaps)
                {
                    MemoryGap.Add(gaps, gap);
                }

                progress(block.PhysicalAddress + block.Length - address);
            }

            stream.SkipTo(length);
            return stream.End([]);
        });
        if (gaps is [{ } first] && first.Length == length)
        {
            throw PhysicalMemoryReader.Unreadable(address, length, first);
        }

        file.Complete();
        return new PhysicalMemoryFile(address, length, path, [.. gaps], reader.Source);
    }

    /// <summary>Writes bytes at an offset; pages of zeros become holes.</summary>
    private static void Write(DumpFileWriter stream, ReadOnlySpan<byte> bytes, ulong offset)
    {
        int page = (int)MachinePage.SizeBytes;
        for (int done = 0; done < bytes.Length; done += page)
        {
            ReadOnlySpan<byte> part = bytes.Slice(done, Math.Min(page, bytes.Length - done));
            if (part.ContainsAnyExcept((byte)0))
            {
                stream.SkipTo(offset + (ulong)done);
                stream.Write(part);
            }
        }
    }

    /// <summary>Returns address, size and file.</summary>
    public override string ToString() => $"{HumanSize.Format(Length)} at 0x{PhysicalAddress:x} in {SafeText.Escape(Path)}";
}
