using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

/// <summary>struct perf_event_attr of perf_event_open(2), up to Linux 4.1 (PERF_ATTR_SIZE_VER3 and later).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct PerfEventAttribute
{
    /// <summary>PERF_ATTR_SIZE_VER4, the size of this structure.</summary>
    public const int Bytes = 104;

    /// <summary>PERF_TYPE_BREAKPOINT.</summary>
    public const uint BreakpointType = 5;

    /// <summary>PERF_SAMPLE_IP, TID, TIME, ADDR and ID, which a sample has in this order.</summary>
    public const ulong SampleFields = 1 | 2 | 4 | 8 | 64;

    /// <summary>disabled: nothing is counted before PERF_EVENT_IOC_ENABLE.</summary>
    public const ulong Disabled = 1;

    /// <summary>inherit: threads and processes that a thread starts have the event, too.</summary>
    public const ulong Inherit = 1UL << 1;

    /// <summary>exclude_kernel: accesses by the kernel do not count.</summary>
    public const ulong ExcludeKernel = 1UL << 5;

    /// <summary>exclude_hv: accesses by a hypervisor do not count.</summary>
    public const ulong ExcludeHypervisor = 1UL << 6;

    /// <summary>use_clockid: the time of samples is that of <see cref="ClockId"/>.</summary>
    public const ulong UseClockId = 1UL << 25;

    /// <summary>inherit_thread: only threads inherit the event, not processes (Linux 5.13).</summary>
    public const ulong InheritThread = 1UL << 35;

    /// <summary>HW_BREAKPOINT_W.</summary>
    public const uint Write = 2;

    /// <summary>HW_BREAKPOINT_RW.</summary>
    public const uint ReadWrite = 3;

    /// <summary>CLOCK_MONOTONIC.</summary>
    public const int Monotonic = 1;

    /// <summary>Type of the event.</summary>
    public uint Type;
    /// <summary>Size of this structure.</summary>
    public uint Size;
    /// <summary>Which event of the type.</summary>
    public ulong Config;
    /// <summary>Events for one sample.</summary>
    public ulong SamplePeriod;
    /// <summary>Fields of a sample.</summary>
    public ulong SampleType;
    /// <summary>Fields of a read(2).</summary>
    public ulong ReadFormat;
    /// <summary>The flags.</summary>
    public ulong Flags;
    /// <summary>Events for one wake-up.</summary>
    public uint WakeupEvents;
    /// <summary>Which accesses a breakpoint is for.</summary>
    public uint BreakpointKind;
    /// <summary>Address of a breakpoint.</summary>
    public ulong BreakpointAddress;
    /// <summary>Bytes of a breakpoint.</summary>
    public ulong BreakpointLength;
    /// <summary>Which branches are sampled.</summary>
    public ulong BranchSampleType;
    /// <summary>Which user registers are sampled.</summary>
    public ulong SampleRegistersUser;
    /// <summary>Bytes of the user stack that are sampled.</summary>
    public uint SampleStackUser;
    /// <summary>The clock of samples.</summary>
    public int ClockId;
    /// <summary>Which registers are sampled at interrupts.</summary>
    public ulong SampleRegistersInterrupt;
}

public static partial class Libc
{
    private const long PerfNumberX64 = 298;
    private const long PerfNumberArm64 = 241;
    private const ulong PerfCloseOnExec = 8;
    private const uint PerfIocEnable = 0x2400;
    private const uint PerfIocDisable = 0x2401;
    private const uint PerfIocId = 0x80082407;
    private const uint PerfIocSetOutput = 0x2405;

    /// <summary>perf_event_open(2): creates an event of one thread on one processor.</summary>
    /// <param name="attribute">Which event.</param>
    /// <param name="threadId">The thread.</param>
    /// <param name="processor">The processor.</param>
    /// <param name="handle">The event; it ends when this is closed. Null if the call failed.</param>
    /// <returns>
    /// EACCES, EPERM: no right; ENOSPC: the breakpoints of the processor are in use; ESRCH: no such thread; ENOENT,
    /// ENODEV, EOPNOTSUPP: the processor has none; EMFILE: too many open files.
    /// </returns>
    public static unsafe Errno TryPerfEventOpen(
        in PerfEventAttribute attribute, int threadId, int processor, out SafeFileHandle? handle)
    {
        long number = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? PerfNumberX64 : PerfNumberArm64;
        fixed (PerfEventAttribute* pointer = &attribute)
        {
            nint fd = perf_event_open(number, pointer, threadId, processor, -1, PerfCloseOnExec);
            handle = fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
            return fd < 0 ? LastErrno : Errno.None;
        }
    }

    /// <summary>PERF_EVENT_IOC_ID: returns the id that the samples of an event have.</summary>
    public static unsafe Errno TryPerfEventId(SafeFileHandle perfEvent, out ulong id)
    {
        id = 0;
        fixed (ulong* pointer = &id)
        {
            return TryIoctl(perfEvent, PerfIocId, pointer, out _);
        }
    }

    /// <summary>PERF_EVENT_IOC_SET_OUTPUT: writes the samples of an event to the buffer of another one.</summary>
    /// <param name="perfEvent">The event.</param>
    /// <param name="target">The other event, of the same processor, whose buffer is mapped.</param>
    public static unsafe Errno TryPerfEventSetOutput(SafeFileHandle perfEvent, SafeFileHandle target)
    {
        bool referenced = false;
        try
        {
            target.DangerousAddRef(ref referenced);
            return TryIoctl(perfEvent, PerfIocSetOutput, (void*)target.DangerousGetHandle(), out _);
        }
        finally
        {
            if (referenced)
            {
                target.DangerousRelease();
            }
        }
    }

    /// <summary>PERF_EVENT_IOC_ENABLE: counts from now on, in threads that have inherited the event, too.</summary>
    public static unsafe Errno TryPerfEventEnable(SafeFileHandle perfEvent) => TryIoctl(perfEvent, PerfIocEnable, null, out _);

    /// <summary>PERF_EVENT_IOC_DISABLE: counts no more; when this returns, everything that was counted is in the buffer or lost.</summary>
    public static unsafe Errno TryPerfEventDisable(SafeFileHandle perfEvent) => TryIoctl(perfEvent, PerfIocDisable, null, out _);

    /// <summary>read(2) of a perf event: how often it occurred, in threads that have inherited it, too.</summary>
    public static unsafe Errno TryPerfEventCount(SafeFileHandle perfEvent, out ulong count)
    {
        count = 0;
        fixed (ulong* pointer = &count)
        {
            return read(perfEvent, pointer, sizeof(ulong)) == sizeof(ulong) ? Errno.None : LastErrno;
        }
    }

    /// <summary>mmap(2): maps the buffer of a perf event.</summary>
    /// <param name="perfEvent">The event.</param>
    /// <param name="length">One page, and a power of two of others.</param>
    /// <param name="mapping">The mapping; null if the call failed.</param>
    /// <returns>EPERM: more than perf_event_mlock_kb allows.</returns>
    public static unsafe Errno TryMapPerfEvent(SafeFileHandle perfEvent, int length, out SafeMapping? mapping)
    {
        nint address = mmap(null, (nuint)length, ProtectRead | ProtectWrite, MapShared, perfEvent, 0);
        Errno errno = address == -1 ? LastErrno : Errno.None;
        mapping = errno == Errno.None ? new SafeMapping(address, (nuint)length) : null;
        return errno;
    }

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial nint read(SafeFileHandle fd, void* buffer, nuint count);

    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    private static unsafe partial nint perf_event_open(
        long number, PerfEventAttribute* attribute, long pid, long cpu, long group, ulong flags);
}
