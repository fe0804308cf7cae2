namespace MemProc;

/// <summary>
/// The kernel's memory, opened when it is first needed and for all processes alike. Nobody gets to it but by a process
/// whose own memory this user may read: that is tried first.
/// </summary>
/// <param name="source">How to read it.</param>
/// <param name="files">Where the kernel's file systems are; the usual places when left out.</param>
internal sealed class KernelAccess(KernelReadSource source, KernelFiles? files) : IDisposable
{
    private KernelSession? _session;

    /// <summary>How the kernel's memory is read: never Auto.</summary>
    /// <inheritdoc cref="KernelSession.Open" path="/exception"/>
    public KernelReadSource Source => Open().Source;

    /// <summary>The kernel's memory, on behalf of a process.</summary>
    /// <param name="process">The process.</param>
    /// <exception cref="MemProcException">
    /// ReadMemory: EACCES where this user may not read the process; nothing of the kernel's has been read then.
    /// ReadKernelMemory: EPERM where a capability is missing, EOPNOTSUPP where this kernel cannot; the message says why.
    /// ReadBtf: the kernel does not describe its structures.
    /// </exception>
    public KernelSession For(LinuxProcess process)
    {
        _ = process.Memory;
        return Open();
    }

    /// <inheritdoc/>
    public void Dispose() => _session?.Dispose();

    private KernelSession Open() => _session ??= KernelSession.Open(source, files);
}
