using MemProc.Interop;

namespace MemProc;

/// <summary>Finds the NUMA nodes of present pages, with one system call for thousands of them (move_pages(2)).</summary>
/// <param name="process">The process.</param>
internal sealed class PageNodes(LinuxProcess process)
{
    private readonly bool _isPidValid = process.Files.NumbersAsCalls;
    private ulong[] _addresses = [];
    private int[] _status = [];

    /// <summary>The value for a page that was not asked about, because it is not present.</summary>
    public const int Unknown = -(int)Errno.ENOENT;

    /// <summary>Returns the node of each page, or a negative error number.</summary>
    /// <param name="entries">The pagemap entries.</param>
    /// <param name="addressAt">The address of each.</param>
    /// <exception cref="MemProcException">
    /// ReadNodes: EPERM without ptrace access; ENOSYS on kernels without CONFIG_NUMA; EOPNOTSUPP in the procfs of another PID
    /// namespace; ESRCH where the process exits meanwhile.
    /// </exception>
    public int[] Find(ReadOnlySpan<ulong> entries, Func<int, ulong> addressAt)
    {
        int[] nodes = new int[entries.Length];
        if (_addresses.Length < entries.Length)
        {
            _addresses = new ulong[entries.Length];
            _status = new int[entries.Length];
        }

        int count = 0;
        for (int index = 0; index < entries.Length; index++)
        {
            if (new RawPageMapEntry(entries[index]).IsPresent)
            {
                _addresses[count++] = addressAt(index);
            }
        }

        if (count > 0)
        {
            Ask(_addresses.AsSpan(0, count), _status.AsSpan(0, count));
        }

        for (int index = 0, next = 0; index < nodes.Length; index++)
        {
            nodes[index] = new RawPageMapEntry(entries[index]).IsPresent ? _status[next++] : Unknown;
        }

        return nodes;
    }

    private void Ask(ReadOnlySpan<ulong> addresses, Span<int> status)
    {
        if (!_isPidValid)
        {
            throw new MemProcException(Operation.ReadNodes, Errno.EOPNOTSUPP, $"Process {process.Identity}: the nodes of its "
                + "pages cannot be read through the procfs of another PID namespace.", process.Id);
        }

        // The calling process needs no id, and so no right.
        Errno errno = Libc.TryGetNodes(process.Id == Environment.ProcessId ? 0 : process.Id, addresses, status);
        process.ThrowIfTerminated(Operation.ReadNodes);
        if (errno is Errno.ENOSYS or Errno.ENODEV)
        {
            throw new MemProcException(Operation.ReadNodes, errno, "This kernel cannot report the nodes of pages: move_pages(2) "
                + "requires CONFIG_NUMA and CONFIG_MIGRATION.", process.Id);
        }

        if (errno != Errno.None)
        {
            throw process.Failure(Operation.ReadNodes, errno, "the nodes of its pages cannot be read");
        }
    }
}
