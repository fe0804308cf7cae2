using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>What is looked at: a live process, or a core file of one. Methods that require a live process take that type.</summary>
public abstract class MemoryTarget : IDisposable
{
    /// <summary>The identity of the process.</summary>
    public abstract ProcessIdentity Identity { get; }

    /// <summary>The process id; of a core, the one that the process had.</summary>
    public int Id => Identity.ProcessId;

    /// <summary>The path of the core file; null for a live process.</summary>
    public string? CorePath => Identity.CorePath;

    /// <summary>The mount points of the kernel's file systems.</summary>
    public virtual KernelFiles Files => KernelFiles.Default;

    /// <summary>Whether the process has exited meanwhile, so that its memory is gone. False for a core.</summary>
    public virtual bool HasExited => false;

    /// <summary>
    /// MemProc holds all its threads stopped. A page that one of them has to supply never arrives meanwhile.
    /// </summary>
    internal bool IsStopped { get; set; }

    /// <summary>Devices of the hugetlbfs file systems in the mount namespace of the process.</summary>
    internal abstract Lazy<HashSet<(uint Major, uint Minor)>> HugeTlbDevices { get; }

    /// <summary>Opens files that the process named; for a core, those of this machine, which can be others by now.</summary>
    internal abstract TargetFiles NamedFiles { get; }

    /// <summary>The file that answers PROCMAP_QUERY; null where the list of mappings has to be read.</summary>
    internal virtual SafeFileHandle? MapQueries => null;

    /// <summary>The pagemap entries.</summary>
    /// <exception cref="MemProcException">ReadPageMap: EACCES without ptrace access; ENODATA where a core has none.</exception>
    internal abstract TargetPages Pages { get; }

    /// <summary>
    /// What a core has of the frames of its process; null for a live process, whose frames are in the tables of the kernel.
    /// </summary>
    /// <exception cref="MemProcException">ReadPageFlags, ENODATA: the core has nothing of them.</exception>
    internal virtual SavedFrames? Frames => null;

    /// <summary>Throws if the process has exited, so that incomplete results are not returned as complete.</summary>
    /// <param name="operation">The operation that the error names.</param>
    /// <exception cref="MemProcException">ESRCH.</exception>
    public virtual void ThrowIfExited(Operation operation)
    {
    }

    /// <summary>Creates the exception for a failure.</summary>
    /// <param name="operation">The operation that failed.</param>
    /// <param name="errno">The error.</param>
    /// <param name="what">Describes what failed, without the reason.</param>
    /// <param name="target">The target object of the error; the process id by default.</param>
    /// <param name="file">The file in the directory of the process that was opened; null: a call on its memory.</param>
    /// <param name="access">How the file was opened.</param>
    public abstract MemProcException Failure(Operation operation, Errno errno, string what, object? target = null,
        string? file = null, OpenAccess access = OpenAccess.ReadOnly);

    /// <summary>Opens one of the files that procfs has of a process, or what a core has in its place.</summary>
    /// <param name="name">Its name in the directory of the process.</param>
    /// <param name="operation">The operation that an error names.</param>
    /// <exception cref="MemProcException">It cannot be opened; ENODATA where a core does not have it.</exception>
    internal abstract TargetText OpenText(string name, Operation operation);

    /// <summary>Reads a small file that procfs has of the machine of a process, or what a core has in its place.</summary>
    /// <param name="name">Its path below <c>/proc</c>.</param>
    /// <returns>Null where it is missing.</returns>
    internal virtual string? TryReadMachineText(string name) => KernelFiles.TryReadText($"{Files.Proc}/{name}");

    /// <summary>Creates the exception for a process without memory.</summary>
    /// <param name="operation">The operation that failed.</param>
    internal abstract MemProcException NoMemory(Operation operation);

    /// <summary>Returns the known stack pointers of threads; none where they are not shown to this user.</summary>
    internal abstract IReadOnlyList<(ulong Pointer, int Thread)> StackPointers();

    /// <inheritdoc/>
    public abstract void Dispose();
}

/// <summary>The text of one of the files that procfs has of a process.</summary>
internal abstract class TargetText : IDisposable
{
    /// <summary>Reads bytes; 0 at the end.</summary>
    public abstract Errno TryRead(Span<byte> buffer, ulong offset, out int read);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases resources.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}
