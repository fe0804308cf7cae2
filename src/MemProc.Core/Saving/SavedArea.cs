namespace MemProc;

/// <summary>A part of a mapping that is to be saved.</summary>
/// <param name="Mapping">The mapping.</param>
/// <param name="Start">First address.</param>
/// <param name="End">First address behind the part.</param>
internal readonly record struct SavedArea(TraitedMap Mapping, ulong Start, ulong End)
{
    /// <summary>The mapping.</summary>
    public ProcMap Map => Mapping.Map;

    /// <summary>Bytes.</summary>
    public ulong Length => End - Start;
}
