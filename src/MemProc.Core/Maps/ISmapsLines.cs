namespace MemProc;

/// <summary>What is kept of the lines below a mapping's header in smaps.</summary>
internal interface ISmapsLines
{
    /// <summary>Takes the next line.</summary>
    void Add(ReadOnlySpan<byte> line);
}
