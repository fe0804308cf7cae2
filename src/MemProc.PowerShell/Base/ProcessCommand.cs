using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>The base of cmdlets about live processes.</summary>
public abstract class ProcessCommand : ProcessCommand<LinuxProcess>
{
}

/// <summary>The base of cmdlets about processes, by id, by name, from the pipeline, or in core files.</summary>
/// <typeparam name="T">What the cmdlet works on: <see cref="LinuxProcess"/> refuses cores.</typeparam>
public abstract class ProcessCommand<T> : MemProcCommand
    where T : MemoryTarget
{
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("ProcessId", "PID")]
    [ProcessIdTransformation(hasName: true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ProcessIdCompleter))]
    public virtual ProcessSelector[]? Id { get; set; }

    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ProcessNameCompleter))]
    [ValidateNotNullOrEmpty]
    public virtual string[]? Name { get; set; }

    /// <summary>
    /// Core files, which objects from cores carry. A cmdlet that takes cores overrides it as a parameter that is shown; the
    /// others have it, so that an object from a core is refused, and not taken for a live process.
    /// </summary>
    [Parameter(ValueFromPipelineByPropertyName = true, DontShow = true)]
    [AllowNull]
    public virtual string[]? CorePath { get; set; }

    /// <summary>The object of the pipeline as a whole, where it is about a process, or the id of one.</summary>
    [Parameter(ValueFromPipeline = true, DontShow = true)]
    [ProcessObject(AllowFiles = true, AllowIds = true)]
    public PSObject? InputObject { get; set; }

    /// <summary>The work on one process.</summary>
    protected abstract void Process(T process);

    protected override void ProcessRecord()
    {
        RefuseEmptyCore(CorePath);
        if (TakesCores && PipelineInput.FileOf(InputObject) is var (path, length))
        {
            ProcessFile(path, length);
        }
        else if (ProcessObjects.IdOf(InputObject) is int id)
        {
            ProcessId(id);
        }
        else if (PipelineInput.Accepts(this, InputObject, IsTargetKnown))
        {
            ProcessInput();
        }
    }

    /// <summary>The work on a file of the pipeline, which is a core.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="length">Its length, which is no length of memory.</param>
    private protected virtual void ProcessFile(string path, ulong? length) => ProcessCores([path]);

    private static bool TakesCores => typeof(T) != typeof(LinuxProcess);

    /// <summary>The process is known, or what else says where the work is.</summary>
    private protected virtual bool IsTargetKnown => Id is not null || Name is not null || PipelineInput.HasCore(CorePath);

    /// <summary>The work on what the parameters and the pipeline give.</summary>
    private protected virtual void ProcessInput()
    {
        if (PipelineInput.HasCore(CorePath))
        {
            if (InputObject is null && (Id ?? (object?)Name) is object other)
            {
                ThrowBadArgument(nameof(CorePath), "Specify a process or -CorePath, not both.", other);
            }

            ProcessCores(CorePath);
            return;
        }

        ForEachProcess(ProcessNames.Select(this, Id, Name) ?? DefaultProcesses, ProcessObjects.StartTicksOf(InputObject),
            process => Process((T)(MemoryTarget)process), TryProcessHidden);
    }

    /// <summary>The processes where neither -Id nor -Name is given: the current one.</summary>
    private protected virtual IEnumerable<SelectedProcess> DefaultProcesses => [new SelectedProcess(LinuxProcess.OwnId)];

    /// <summary>The work on a process whose id is the object of the pipeline.</summary>
    private void ProcessId(int id)
    {
        if (Id is not null || Name is not null || PipelineInput.HasCore(CorePath))
        {
            WriteError(Failure.BadArgument(
                nameof(Id), "The pipeline brings process ids, and a process is given, too. Specify one of the two.", id));
            return;
        }

        Id = [new ProcessSelector(id)];
        try
        {
            ProcessInput();
        }
        finally
        {
            Id = null;
        }
    }

    /// <summary>The work on a process that procfs hides. False where that is an error.</summary>
    private protected virtual bool TryProcessHidden(int id) => false;

    private void ProcessCores(string[] paths)
    {
        foreach (string path in paths)
        {
            ReportErrors(() => Process(TakesCores ? (T)(MemoryTarget)OpenCore(path) : throw NotLive(path)));
        }
    }
}
