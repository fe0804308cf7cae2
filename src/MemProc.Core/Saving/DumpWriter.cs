namespace MemProc;

/// <summary>Takes the memory of one area after the other, each in address order and without holes.</summary>
internal abstract class DumpWriter : IDisposable
{
    /// <summary>Begins an area.</summary>
    public abstract void Begin(SavedArea area);

    /// <summary>Takes bytes.</summary>
    public abstract void Write(ulong address, ReadOnlySpan<byte> bytes);

    /// <summary>Takes a stretch that holds zeros.</summary>
    public abstract void WriteZeros(ulong address, ulong length);

    /// <summary>Takes a stretch that is not known.</summary>
    public abstract void WriteGap(MemoryGap gap);

    /// <summary>Ends an area.</summary>
    public abstract void End();

    /// <summary>Ends the whole, and gives it its name.</summary>
    /// <param name="savedBytes">Bytes that were written.</param>
    /// <returns>The length of what was made, in bytes.</returns>
    public abstract ulong Complete(ulong savedBytes);

    /// <inheritdoc/>
    public abstract void Dispose();
}
