using System.Text;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// Keeps differences until their sums are known. The first ones stay in memory; the rest goes to a temporary file without a
/// name.
/// </summary>
internal sealed class DifferenceLog : IDisposable
{
    /// <summary>Bytes that are kept in memory.</summary>
    private const int MaxMemoryBytes = 16 * 1024 * 1024;

    /// <summary>Bytes of a difference besides its content, about.</summary>
    private const int ObjectBytes = 128;

    private const int BufferBytes = 256 * 1024;

    private readonly List<FoundDifference> _kept = [];
    private long _keptBytes;
    private FileStream? _file;
    private BinaryWriter? _writer;

    /// <summary>Adds a difference.</summary>
    /// <exception cref="MemProcException">WriteFile: the temporary file cannot be written.</exception>
    public void Add(FoundDifference difference)
    {
        if (_writer is null && _keptBytes < MaxMemoryBytes)
        {
            _kept.Add(difference);
            _keptBytes += ObjectBytes + 2L * difference.Current.Length;
            return;
        }

        try
        {
            _file ??= new FileStream(CreateFile(), FileAccess.ReadWrite, BufferBytes);
            _writer ??= new BinaryWriter(_file, Encoding.UTF8, leaveOpen: true);
            _writer.Write(difference.Address);
            _writer.Write(difference.Length);
            _writer.Write(difference.ChangedBytes);
            _writer.Write(difference.Current.Length);
            _writer.Write(difference.Previous);
            _writer.Write(difference.Current);
        }
        catch (Exception error) when (error is IOException or ErrnoException)
        {
            throw new MemProcException(Operation.WriteFile, error is ErrnoException known ? known.Errno : Errno.ENOSPC,
                $"The differences cannot be kept in {SafeText.Escape(Path.GetTempPath())}: {SafeText.Escape(error.Message)} "
                + "TMPDIR selects another folder; -NoSummary keeps none.", Path.GetTempPath());
        }
    }

    /// <summary>Returns all differences, in the order in which they were added.</summary>
    public IEnumerable<FoundDifference> Read()
    {
        foreach (FoundDifference difference in _kept)
        {
            yield return difference;
        }

        if (_file is null)
        {
            yield break;
        }

        _writer!.Flush();
        _file.Position = 0;
        using BinaryReader reader = new(_file, Encoding.UTF8, leaveOpen: true);
        while (_file.Position < _file.Length)
        {
            ulong address = reader.ReadUInt64(), length = reader.ReadUInt64(), changed = reader.ReadUInt64();
            int kept = reader.ReadInt32();
            yield return new FoundDifference(
                address, length, changed, reader.ReadBytes(kept), reader.ReadBytes(kept), null, null);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _writer?.Dispose();
        _file?.Dispose();
    }

    private static SafeFileHandle CreateFile() => CoreStorage.CreateUnnamed(Path.GetTempPath());
}
