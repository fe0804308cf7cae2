namespace MemProc;

/// <summary>A range of a process' memory that was read into a file.</summary>
public sealed class MemoryFile : ProcessOutput
{
    internal MemoryFile(
        ProcessIdentity process, ulong address, ulong length, string path, MemoryGap[] gaps, ReadMethod method)
    {
        Process = process;
        Address = address;
        Length = length;
        Path = path;
        Gaps = gaps;
        Method = method;
    }

    internal override ProcessIdentity Process { get; }

    /// <summary>Address of the first byte.</summary>
    public ulong Address { get; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string AddressHex => HexText.Of(Address);

    /// <summary>Bytes covered, gaps included: the length of the file.</summary>
    public ulong Length { get; }

    /// <summary>The file. Gaps and pages of zeros are holes in it.</summary>
    public string Path { get; }

    /// <summary>What could not be read, in address order.</summary>
    public OutputList<MemoryGap> Gaps { get; }

    /// <summary>How it was read.</summary>
    public ReadMethod Method { get; }

    /// <summary>Reads a range into a file, which only its owner may read.</summary>
    /// <inheritdoc cref="Copy"/>
    public static MemoryFile Save(
        MemoryTarget process, MemoryReader reader, ulong address, ulong length, string path, bool overwrite,
        bool needAll, Action<ulong> progress)
    {
        using MemoryFileDraft draft = Copy(process, reader, address, length, path, overwrite, needAll, progress);
        return draft.Complete();
    }

    /// <summary>
    /// Reads a range into a file that has no name yet: what remains to be done no longer needs the process, which may
    /// be stopped until then.
    /// </summary>
    /// <param name="process">The process.</param>
    /// <param name="reader">Reads the process.</param>
    /// <param name="address">First address.</param>
    /// <param name="length">Bytes, at least 1.</param>
    /// <param name="path">The file.</param>
    /// <param name="overwrite">Replace a regular file of this name.</param>
    /// <param name="needAll">A gap is an error.</param>
    /// <param name="progress">Called with the number of bytes covered so far.</param>
    /// <exception cref="MemProcException">
    /// ReadMemory: the read failed, or nothing could be read. WriteFile: EEXIST where the file exists; EISDIR, ELOOP,
    /// EINVAL where something exists that is no regular file; ENOENT, EACCES, ENOSPC… Nothing of the file remains.
    /// </exception>
    public static MemoryFileDraft Copy(
        MemoryTarget process, MemoryReader reader, ulong address, ulong length, string path, bool overwrite,
        bool needAll, Action<ulong> progress)
    {
        UserRange.End(address, length, Operation.ReadMemory);
        AtomicFile file = new(path, overwrite);
        try
        {
            using DumpFileWriter stream = DumpFileWriter.Begin(file.Handle, compress: false, headerBytes: 0);
            MemoryCopier copier = new(new RangeSink(stream, address), progress);
            AtomicFile.WithErrors(path, () =>
            {
                copier.Copy(reader, address, address + length);
                stream.SkipTo(length);
                return stream.End([]);
            });
            MemoryGap[] gaps = copier.Gaps;
            // With -ResidentOnly, a range without a page in memory is a valid answer.
            if (gaps is [{ } first, ..]
                && (needAll || (first.Length == length && first.Kind != MemoryGapKind.NotResident)))
            {
                throw reader.Unreadable(address, length, first);
            }

            return new MemoryFileDraft(
                file, new MemoryFile(process.Identity, address, length, path, gaps, reader.Method));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Writes the bytes of a range at their offsets.</summary>
    private sealed class RangeSink(DumpFileWriter stream, ulong start) : IMemorySink
    {
        public void Write(ulong address, ReadOnlySpan<byte> bytes)
        {
            stream.SkipTo(address - start);
            stream.Write(bytes);
        }

        public void WriteZeros(ulong address, ulong length)
        {
            // A hole.
        }

        public void WriteGap(MemoryGap gap)
        {
            // A hole; the caller gets the gaps.
        }
    }

    /// <summary>Returns address, size and file.</summary>
    public override string ToString() => $"{HumanSize.Format(Length)} at 0x{Address:x} in {SafeText.Escape(Path)}";
}

/// <summary>Memory in a file that has no name yet. It is removed on disposal unless it was completed.</summary>
public sealed class MemoryFileDraft : IDisposable
{
    private readonly AtomicFile _file;
    private readonly MemoryFile _result;

    internal MemoryFileDraft(AtomicFile file, MemoryFile result)
    {
        _file = file;
        _result = result;
    }

    /// <summary>Writes the file to its device and gives it its name.</summary>
    /// <exception cref="MemProcException">WriteFile: as for <see cref="MemoryFile.Copy"/>.</exception>
    public MemoryFile Complete()
    {
        _file.Complete();
        return _result;
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
