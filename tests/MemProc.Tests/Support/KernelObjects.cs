namespace MemProc.Tests;

/// <summary>bpf programs and maps, by the ids that the kernel gives to one after the other.</summary>
internal sealed record KernelObjects(IReadOnlyList<uint> Programs, IReadOnlyList<uint> Maps)
{
    /// <summary>There is none.</summary>
    public bool IsEmpty => Programs.Count + Maps.Count == 0;

    /// <summary>Those that are not among others.</summary>
    public KernelObjects Without(KernelObjects others) =>
        new([.. Programs.Except(others.Programs)], [.. Maps.Except(others.Maps)]);

    /// <inheritdoc/>
    public override string ToString() => $"programs {string.Join(' ', Programs)}, maps {string.Join(' ', Maps)}";
}
