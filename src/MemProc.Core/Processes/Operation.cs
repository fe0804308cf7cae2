namespace MemProc;

/// <summary>What EFAULT and EIO mean for an operation.</summary>
public enum FaultKind
{
    /// <summary>A read failed.</summary>
    Read,
    /// <summary>A write failed.</summary>
    Write,
    /// <summary>The kernel did the work, with another result than requested.</summary>
    Result,
}

/// <summary>The operation that an error names: the first half of its id.</summary>
public sealed class Operation
{
    /// <summary>Giving advice about the memory of a process.</summary>
    public static readonly Operation AdviseMemory = new(nameof(AdviseMemory), FaultKind.Write);

    /// <summary>Dropping pages of a file from the page cache.</summary>
    public static readonly Operation ClearFilePages = new(nameof(ClearFilePages), FaultKind.Write);

    /// <summary>Clearing soft-dirty bits through <c>clear_refs</c>.</summary>
    public static readonly Operation ClearSoftDirty = new(nameof(ClearSoftDirty), FaultKind.Write, requiresRights: true);

    /// <summary>Comparing memory with what a write expects there.</summary>
    public static readonly Operation CompareMemory = new(nameof(CompareMemory));

    /// <summary>Following a pointer.</summary>
    public static readonly Operation Dereference = new(nameof(Dereference));

    /// <summary>Disassembling code.</summary>
    public static readonly Operation Disassemble = new(nameof(Disassemble));

    /// <summary>Looking up a memory cgroup by its path.</summary>
    public static readonly Operation FindCgroup = new(nameof(FindCgroup));

    /// <summary>Looking up files by path.</summary>
    public static readonly Operation FindFile = new(nameof(FindFile));

    /// <summary>Looking up the mapping of an address.</summary>
    public static readonly Operation FindMap = new(nameof(FindMap));

    /// <summary>Looking up a physical address or frame in <c>/proc/iomem</c>.</summary>
    public static readonly Operation FindPhysicalRange = new(nameof(FindPhysicalRange));

    /// <summary>Finding pointer paths to an address.</summary>
    public static readonly Operation FindPointerPath = new(nameof(FindPointerPath));

    /// <summary>Looking up processes by name.</summary>
    public static readonly Operation FindProcess = new(nameof(FindProcess));

    /// <summary>Marking pages as idle.</summary>
    public static readonly Operation MarkIdle = new(nameof(MarkIdle), requiresRights: true);

    /// <summary>Measuring which pages are in use.</summary>
    public static readonly Operation MeasureWorkingSet = new(nameof(MeasureWorkingSet), requiresRights: true);

    /// <summary>Opening a process by its id.</summary>
    public static readonly Operation OpenProcess = new(nameof(OpenProcess), requiresRights: true);

    /// <summary>Poisoning a page frame.</summary>
    public static readonly Operation PoisonPage = new(nameof(PoisonPage), FaultKind.Result, requiresRights: true);

    /// <summary>Reading <c>auxv</c>.</summary>
    public static readonly Operation ReadAuxiliaryVector = new(nameof(ReadAuxiliaryVector));

    /// <summary>Reading the kernel's type information.</summary>
    public static readonly Operation ReadBtf = new(nameof(ReadBtf));

    /// <summary>Opening a core file.</summary>
    public static readonly Operation ReadCore = new(nameof(ReadCore));

    /// <summary>Reading an ELF image.</summary>
    public static readonly Operation ReadElf = new(nameof(ReadElf));

    /// <summary>Reading which pages of a file are cached.</summary>
    public static readonly Operation ReadFilePages = new(nameof(ReadFilePages));

    /// <summary>Reading the kernel's own memory.</summary>
    public static readonly Operation ReadKernelMemory = new(nameof(ReadKernelMemory), requiresRights: true);

    /// <summary>Reading the mappings of a process.</summary>
    public static readonly Operation ReadMaps = new(nameof(ReadMaps));

    /// <summary>Reading the memory of a process.</summary>
    public static readonly Operation ReadMemory = new(nameof(ReadMemory));

    /// <summary>Reading the NUMA nodes of pages.</summary>
    public static readonly Operation ReadNodes = new(nameof(ReadNodes), requiresRights: true);

    /// <summary>Reading the frame tables.</summary>
    public static readonly Operation ReadPageFlags = new(nameof(ReadPageFlags), requiresRights: true);

    /// <summary>Reading what the kernel records about page frames.</summary>
    public static readonly Operation ReadPageFrame = new(nameof(ReadPageFrame), requiresRights: true);

    /// <summary>Reading pagemap.</summary>
    public static readonly Operation ReadPageMap = new(nameof(ReadPageMap), requiresRights: true);

    /// <summary>Reading <c>/proc/iomem</c>.</summary>
    public static readonly Operation ReadPhysicalMap = new(nameof(ReadPhysicalMap), requiresRights: true);

    /// <summary>Reading physical memory.</summary>
    public static readonly Operation ReadPhysicalMemory = new(nameof(ReadPhysicalMemory), requiresRights: true);

    /// <summary>Reading <c>smaps_rollup</c>.</summary>
    public static readonly Operation ReadRollup = new(nameof(ReadRollup));

    /// <summary>Reading <c>status</c>.</summary>
    public static readonly Operation ReadStatus = new(nameof(ReadStatus));

    /// <summary>Reading the threads of a process.</summary>
    public static readonly Operation ReadThreads = new(nameof(ReadThreads));

    /// <summary>Reading VMAs from kernel memory.</summary>
    public static readonly Operation ReadVmas = new(nameof(ReadVmas), requiresRights: true);

    /// <summary>Resolving an address expression.</summary>
    public static readonly Operation ResolveAddress = new(nameof(ResolveAddress));

    /// <summary>Restoring memory after a failed or undone write.</summary>
    public static readonly Operation RestoreMemory = new(nameof(RestoreMemory), FaultKind.Write);

    /// <summary>Saving the memory of a process.</summary>
    public static readonly Operation SaveMemory = new(nameof(SaveMemory));

    /// <summary>Scanning memory for values.</summary>
    public static readonly Operation ScanMemory = new(nameof(ScanMemory));

    /// <summary>Searching memory.</summary>
    public static readonly Operation SearchMemory = new(nameof(SearchMemory));

    /// <summary>Narrowing the matches of a scan.</summary>
    public static readonly Operation SelectMatch = new(nameof(SelectMatch));

    /// <summary>Stopping a process.</summary>
    public static readonly Operation StopProcess = new(nameof(StopProcess));

    /// <summary>Finding out what this user can do with a process.</summary>
    public static readonly Operation TestAccess = new(nameof(TestAccess));

    /// <summary>Unpoisoning a page frame.</summary>
    public static readonly Operation UnpoisonPage = new(nameof(UnpoisonPage), FaultKind.Result, requiresRights: true);

    /// <summary>Reading back what was written.</summary>
    public static readonly Operation VerifyMemory = new(nameof(VerifyMemory));

    /// <summary>Walking a page table.</summary>
    public static readonly Operation WalkPageTable = new(nameof(WalkPageTable), requiresRights: true);

    /// <summary>Watching memory for changes.</summary>
    public static readonly Operation WatchMemory = new(nameof(WatchMemory));

    /// <summary>Writing an output file.</summary>
    public static readonly Operation WriteFile = new(nameof(WriteFile), FaultKind.Write);

    /// <summary>Writing the memory of a process.</summary>
    public static readonly Operation WriteMemory = new(nameof(WriteMemory), FaultKind.Write);

    private Operation(string name, FaultKind fault = FaultKind.Read, bool requiresRights = false)
    {
        Name = name;
        RequiresRights = requiresRights;
        Fault = fault;
    }

    /// <summary>The name, as error ids have it.</summary>
    public string Name { get; }

    /// <summary>What EFAULT and EIO mean for it.</summary>
    public FaultKind Fault { get; }

    /// <summary>
    /// A refusal is about the rights of the caller, whatever the operation was about; that of others only where a process
    /// refused it.
    /// </summary>
    internal bool RequiresRights { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
