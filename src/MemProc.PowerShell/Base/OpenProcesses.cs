namespace MemProc.PowerShell;

/// <summary>
/// The processes that a cmdlet has open. Each is opened once, however many objects of it come down the pipeline.
/// </summary>
internal sealed class OpenProcesses : IDisposable
{
    private readonly Dictionary<(int Id, ulong StartTicks), LinuxProcess> _kept = [];
    private LinuxProcess? _current;
    private ulong? _expectedStartTicks;
    private CoreFile? _core;

    /// <summary>Called before a process or core is closed because another one is opened.</summary>
    public Action Closing { get; set; } = () => { };

    /// <summary>Opens a process. It stays open until another one is opened, or to the end where it is kept.</summary>
    /// <param name="id">The process id.</param>
    /// <param name="startTicks">The start time that the process must have; null: any.</param>
    /// <exception cref="MemProcException">OpenProcess: there is no such process (any more), or it is hidden.</exception>
    public LinuxProcess Open(int id, ulong? startTicks)
    {
        if (_current is null || _current.Id != id || startTicks != _expectedStartTicks)
        {
            Closing();
            Release();
            _current = Find(id, startTicks);
            _expectedStartTicks = startTicks;
        }

        return _current;
    }

    /// <summary>Opens a process or a core. See <see cref="Open(int, ulong?)"/> and <see cref="OpenCore"/>.</summary>
    /// <param name="id">The process id.</param>
    /// <param name="startTicks">The start time that the process must have; null: any.</param>
    /// <param name="core">Path of the core; null: a live process.</param>
    /// <param name="cancellation">Stops reads of the core.</param>
    public MemoryTarget Open(int id, ulong? startTicks, string? core, CancellationToken cancellation) =>
        core is null ? Open(id, startTicks) : OpenCore(core, cancellation);

    /// <summary>Opens a core. It stays open until another one is opened.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="cancellation">Stops reads.</param>
    /// <exception cref="MemProcException">As for <see cref="CoreFile.Open"/>.</exception>
    public CoreFile OpenCore(string path, CancellationToken cancellation)
    {
        if (_core?.CorePath != Path.GetFullPath(path))
        {
            Closing();
            _core?.Dispose();
            _core = null;
            _core = CoreFile.Open(path, cancellation);
        }

        return _core;
    }

    /// <summary>Keeps a process open until the cmdlet ends.</summary>
    /// <param name="process">A process that this object has opened.</param>
    public void Keep(LinuxProcess process) => _kept.TryAdd((process.Id, process.Identity.StartTicks), process);

    /// <summary>Throws where a kept process has gone meanwhile.</summary>
    /// <exception cref="MemProcException">OpenProcess,ESRCH: it does not exist any more.</exception>
    public static void ThrowIfGone(LinuxProcess process)
    {
        if (process.HasExited)
        {
            // A zombie can still be opened; what cannot be read of it fails later.
            LinuxProcess.Open(process.Id, process.Identity.StartTicks).Dispose();
        }
    }

    public void Dispose()
    {
        Release();
        _core?.Dispose();
        foreach (LinuxProcess process in _kept.Values)
        {
            process.Dispose();
        }

        _kept.Clear();
    }

    private LinuxProcess Find(int id, ulong? startTicks)
    {
        if (startTicks is ulong expected && _kept.TryGetValue((id, expected), out LinuxProcess? kept))
        {
            return kept;
        }

        LinuxProcess opened = LinuxProcess.Open(id, startTicks);
        if (_kept.TryGetValue((id, opened.Identity.StartTicks), out kept))
        {
            opened.Dispose();
            return kept;
        }

        return opened;
    }

    private void Release()
    {
        if (_current is not null && !_kept.ContainsKey((_current.Id, _current.Identity.StartTicks)))
        {
            _current.Dispose();
        }

        _current = null;
    }
}
