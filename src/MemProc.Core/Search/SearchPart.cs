namespace MemProc;

/// <summary>A stretch of one mapping that is to be searched.</summary>
/// <param name="Start">First address.</param>
/// <param name="End">First address behind it.</param>
/// <param name="Map">The mapping.</param>
internal readonly record struct SearchPart(ulong Start, ulong End, ProcMap Map);
