namespace MemProc;

/// <summary>A place where a file is mapped: loaded as a program or library, or as plain data.</summary>
/// <param name="module">The file.</param>
/// <param name="start">The first address.</param>
/// <param name="bias">What is added to an address of the image; null: the file is not loaded there.</param>
internal sealed class LoadedModule(ProcModule module, ulong start, ulong? bias)
{
    /// <summary>The file.</summary>
    public ProcModule Module { get; } = module;

    /// <summary>The first address.</summary>
    public ulong Start { get; } = start;

    /// <summary>It is loaded, and not merely mapped.</summary>
    public bool IsLoaded => bias is not null;

    /// <summary>Where an address of the image is in the process.</summary>
    public ulong AddressOf(ulong imageAddress) => unchecked(imageAddress + (bias ?? Start));

    /// <summary>The address of the image for one of the process; null where the file is not loaded there.</summary>
    public ulong? ImageAddressOf(ulong address) => bias is ulong known ? unchecked(address - known) : null;

    /// <summary>Path and address, for messages.</summary>
    public override string ToString() =>
        $"{Module.Path}{(Module.IsDeleted ? " (deleted)" : string.Empty)} at 0x{Start:x}";
}
