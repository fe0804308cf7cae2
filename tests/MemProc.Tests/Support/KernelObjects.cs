namespace MemProc.Tests;

/// <summary>bpf programs and maps, by the ids that the kernel assigns in ascending order.</summary>
internal sealed record KernelObjects(IReadOnlyList<uint> Programs, IReadOnlyList<uint> Maps)
{
    /// <summary>Whether there are none.</summary>
    public bool IsEmpty => Programs.Count + Maps.Count == 0;

    /// <summary>Returns those that are not in another set.</summary>
    public KernelObjects Without(KernelObjects others) =>
        new([.. Programs.Except(others.Programs)], [.. Maps.Except(others.Maps)]);

    /// <inheritdoc/>
    public override string ToString() => $"programs {string.Join(' ', Programs)}, maps {string.Join(' ', Maps)}";
}
