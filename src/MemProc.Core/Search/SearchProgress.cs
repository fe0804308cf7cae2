namespace MemProc;

/// <summary>How far a search is.</summary>
/// <param name="SearchedBytes">Bytes that were searched.</param>
/// <param name="PassedBytes">Address space that is done with, searched or left out.</param>
/// <param name="MappedBytes">Address space in all.</param>
public readonly record struct SearchProgress(ulong SearchedBytes, ulong PassedBytes, ulong MappedBytes);
