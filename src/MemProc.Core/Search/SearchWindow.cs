namespace MemProc;

/// <summary>A stretch of memory in a buffer, and which part of it matches may begin in.</summary>
/// <param name="Address">Address of the byte at <paramref name="Start"/>.</param>
/// <param name="Start">Where in the buffer it begins.</param>
/// <param name="End">Where in the buffer it ends.</param>
/// <param name="From">The first offset at which a match may begin.</param>
/// <param name="To">The first offset behind those.</param>
internal readonly record struct SearchWindow(ulong Address, int Start, int End, int From, int To)
{
    /// <summary>The address of a byte of the buffer.</summary>
    public ulong AddressOf(int offset) => Address + (ulong)(offset - Start);
}
