using System.Globalization;

namespace MemProc;

/// <summary>Reads where the running kernel keeps things in memory.</summary>
/// <param name="source">How to read the kernel's memory. It is opened at the first use.</param>
/// <param name="files">Where the kernel's file systems are mounted; null for the usual places.</param>
public sealed class KernelLayoutReader(KernelReadSource source = KernelReadSource.Auto, KernelFiles? files = null) : IDisposable
{
    private readonly KernelReader _reader = new(source, files);

    /// <summary>Reads the layout.</summary>
    /// <exception cref="MemProcException">
    /// ReadKernelMemory: EPERM if a capability is missing, EOPNOTSUPP if this kernel does not allow it; the message has the
    /// reason. ReadBtf: the kernel has no type information.
    /// </exception>
    public KernelLayout Read()
    {
        using LinuxProcess self = LinuxProcess.OpenSelf(files);
        KernelProcess process = new(_reader, self);
        VmcoreInfo info = _reader.VmcoreInfo;
        return new KernelLayout(_reader,
            process.ReadMm().ReadUInt64(_reader.Layout.Memory["task_size"]),
            info.Symbol("_stext") ?? SymbolAddress("_stext"),
            TextPhysicalAddress(),
            info.Hex("KERNELOFFSET"));
    }

    /// <inheritdoc/>
    public void Dispose() => _reader.Dispose();

    private ulong? TextPhysicalAddress()
    {
        try
        {
            return PhysicalMap.Read(_reader.Files).Ranges.FirstOrDefault(range => range.Name == "Kernel code")?.Start;
        }
        catch (MemProcException)
        {
            return null;
        }
    }

    private ulong? SymbolAddress(string name)
    {
        string path = $"{_reader.Files.Proc}/kallsyms";
        string? line = !File.Exists(path) ? null
            : File.ReadLines(path).FirstOrDefault(line => line.EndsWith($" {name}", StringComparison.Ordinal));
        // Where the kernel hides addresses all of them are 0.
        return line is not null && ulong.TryParse(line.AsSpan(0, line.IndexOf(' ', StringComparison.Ordinal)),
            NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong address) && address != 0
            ? address
            : null;
    }
}
