namespace MemProc;

/// <summary>
/// What a frame is part of: the kernel ages, reclaims and marks memory by folios, one frame or a power of two of
/// them, and keeps what it knows with the first.
/// </summary>
/// <param name="HeadPfn">The folio's first frame.</param>
/// <param name="IsOnLru">On an LRU list, as all memory is that the kernel can age.</param>
internal readonly record struct FrameFolio(ulong HeadPfn, bool IsOnLru);
