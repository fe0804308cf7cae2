namespace MemProc;

/// <summary>The processes that map frames, from one pass over the page tables of all processes.</summary>
internal sealed class FrameProcesses
{
    /// <summary>The number of a frame that several processes map.</summary>
    public const int Several = -1;

    private readonly Dictionary<ulong, int[]> _blocks = [];
    private readonly List<ProcessIdentity> _processes = [];

    /// <summary>Returns the process of a number that <see cref="NumberOf"/> returned.</summary>
    public ProcessIdentity this[int number] => _processes[number - 1];

    /// <summary>Reads the frames of processes.</summary>
    /// <param name="files">Where procfs is.</param>
    /// <param name="fail">Receives the failure of a process that cannot be read.</param>
    /// <param name="visited">Called after each process with the number of processes done and in all.</param>
    /// <param name="cancellation">Stops the read.</param>
    public static FrameProcesses Read(
        KernelFiles files, Action<MemProcException> fail, Action<int, int> visited, CancellationToken cancellation)
    {
        FrameProcesses found = new();
        int[] ids = ProcessList.Ids(files);
        for (int index = 0; index < ids.Length; index++)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                using LinuxProcess process = LinuxProcess.Open(ids[index], files: files);
                if (!process.IsKernelThread)
                {
                    found.Add(process, cancellation);
                }
            }
            catch (MemProcException error)
            {
                fail(error);
            }

            visited(index + 1, ids.Length);
        }

        return found;
    }

    /// <summary>Returns the number of the process that maps a frame: 0 for none, <see cref="Several"/> for more than one.</summary>
    public int NumberOf(ulong pfn) => _blocks.TryGetValue(pfn / FrameSet.BlockFrames, out int[]? block)
        ? block[pfn % FrameSet.BlockFrames]
        : 0;

    private void Add(LinuxProcess process, CancellationToken cancellation)
    {
        _processes.Add(process.Identity);
        int number = _processes.Count;
        foreach (ReadOnlyMemory<ulong> frames in new PresentFrames(process, Operation.ReadPageMap, cancellation).All())
        {
            foreach (ulong pfn in frames.Span)
            {
                if (!_blocks.TryGetValue(pfn / FrameSet.BlockFrames, out int[]? block))
                {
                    _blocks.Add(pfn / FrameSet.BlockFrames, block = new int[FrameSet.BlockFrames]);
                }

                ref int owner = ref block[pfn % FrameSet.BlockFrames];
                owner = owner == 0 || owner == number ? number : Several;
            }
        }
    }
}
