namespace MemProc;

/// <summary>A thread of a process.</summary>
public sealed class ProcThread : ProcessOutput
{
    internal ProcThread(ProcessIdentity process, int threadId)
    {
        Process = process;
        ThreadId = threadId;
    }

    /// <summary>Its id.</summary>
    public int ThreadId { get; }

    /// <summary>Its name, at most 15 bytes; null in a core, which does not have it.</summary>
    public string? Name { get; init; }

    /// <summary>What it is doing; null in a core.</summary>
    public ProcThreadState? State { get; init; }

    /// <summary>
    /// The kernel function that it waits in; null where it does not wait, or the kernel hides it from this user.
    /// </summary>
    public string? WaitChannel { get; init; }

    /// <summary>Number of the system call that it waits in; null outside of one, and where it is not known.</summary>
    public long? SystemCall { get; init; }

    /// <summary>
    /// Address of its next instruction. Null where the kernel hides it, or does not show it, as of a thread that runs.
    /// </summary>
    public ulong? Address { get; init; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string? AddressHex => HexText.Of(Address);

    /// <summary>What that address belongs to, by symbol where one is known; null where nothing is mapped there.</summary>
    public string? Location { get; init; }

    /// <summary>Its stack pointer; null where <see cref="Address"/> is not known.</summary>
    public ulong? StackPointer { get; init; }

    /// <summary><see cref="StackPointer"/> in hex.</summary>
    public string? StackPointerHex => HexText.Of(StackPointer);

    /// <summary>First address of the mapping that its stack is in; null where the stack pointer is in none.</summary>
    public ulong? StackStart { get; init; }

    /// <summary><see cref="StackStart"/> in hex.</summary>
    public string? StackStartHex => HexText.Of(StackStart);

    /// <summary>First address after that mapping.</summary>
    public ulong? StackEnd { get; init; }

    /// <summary><see cref="StackEnd"/> in hex.</summary>
    public string? StackEndHex => HexText.Of(StackEnd);

    /// <summary>Size of that mapping in bytes. The kernel makes that of the main thread larger as it is used.</summary>
    public ulong? StackSizeBytes => StackEnd - StackStart;

    /// <summary>
    /// Bytes of it from the stack pointer to its end. Of threads other than the main thread, these include what their
    /// library keeps there, such as thread-local variables.
    /// </summary>
    public ulong? StackUsedBytes => StackEnd - StackPointer;

    /// <summary>
    /// The general registers by the names that debuggers use; null where they were not read: of a live process they are
    /// read while it is stopped.
    /// </summary>
    public OutputTable<string>? Registers { get; init; }

    internal override ProcessIdentity Process { get; }

    /// <summary>Id and name.</summary>
    public override string ToString() => SafeText.Escape($"{ThreadId} {Name}".TrimEnd());
}

/// <summary>What a thread is doing (<c>fs/proc/array.c</c>).</summary>
public enum ProcThreadState
{
    /// <summary>A state that this version does not know.</summary>
    Unknown,
    /// <summary>It runs, or is ready to run.</summary>
    Running,
    /// <summary>It waits, and a signal ends the wait.</summary>
    Sleeping,
    /// <summary>It waits, usually for a device, and no signal ends the wait.</summary>
    DiskSleep,
    /// <summary>A signal has stopped it.</summary>
    Stopped,
    /// <summary>A debugger has stopped it.</summary>
    TracingStop,
    /// <summary>It has exited, and was not waited for.</summary>
    Zombie,
    /// <summary>It is gone.</summary>
    Dead,
    /// <summary>A kernel thread that waits for work.</summary>
    Idle,
    /// <summary>A kernel thread that does not run on any processor.</summary>
    Parked,
}
