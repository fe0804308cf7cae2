namespace MemProc;

/// <summary>Writes a dump from the memory of one area after the other.</summary>
internal abstract class DumpWriter : IMemorySink, IDisposable
{
    /// <summary>Begins an area.</summary>
    public abstract void Begin(SavedArea area);

    /// <inheritdoc/>
    public abstract void Write(ulong address, ReadOnlySpan<byte> bytes);

    /// <inheritdoc/>
    public abstract void WriteZeros(ulong address, ulong length);

    /// <inheritdoc/>
    public abstract void WriteGap(MemoryGap gap);

    /// <summary>Ends an area.</summary>
    public abstract void End();

    /// <summary>Completes the dump and gives it its name.</summary>
    /// <param name="savedBytes">Bytes of memory that were written.</param>
    /// <returns>Length of the dump in bytes.</returns>
    public abstract ulong Complete(ulong savedBytes);

    /// <inheritdoc/>
    public abstract void Dispose();
}

/// <summary>A part of a mapping that is saved.</summary>
/// <param name="Mapping">The mapping.</param>
/// <param name="Start">First address.</param>
/// <param name="End">First address after the part.</param>
internal readonly record struct SavedArea(MapWithTraits Mapping, ulong Start, ulong End)
{
    /// <summary>The mapping without its traits.</summary>
    public ProcMap Map => Mapping.Map;

    /// <summary>Length in bytes.</summary>
    public ulong Length => End - Start;
}
