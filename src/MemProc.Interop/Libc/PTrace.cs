using System.Runtime.InteropServices;

namespace MemProc.Interop;

public static partial class Libc
{
    private const int PTraceDetach = 17;
    private const int PTraceGetSigInfo = 0x4202;
    private const int PTraceGetRegSet = 0x4204;
    private const int PTraceSeize = 0x4206;
    private const int PTraceInterrupt = 0x4207;

    /// <summary>Bytes of a siginfo_t.</summary>
    public const int SignalInfoBytes = 128;

    /// <summary>
    /// PTRACE_SEIZE: makes the calling thread the tracer of a thread, without stopping it. All other requests must come
    /// from the same thread; when it exits, for whatever reason, the kernel detaches its tracees.
    /// </summary>
    /// <param name="threadId">The thread.</param>
    /// <returns>EPERM: no ptrace access, already traced, or exiting; ESRCH: no such thread.</returns>
    public static Errno TryPTraceSeize(int threadId) => Result(ptrace(PTraceSeize, threadId, 0, 0));

    /// <summary>
    /// PTRACE_INTERRUPT: requests that a seized thread stop; <see cref="TryWaitForStop"/> reports when it has.
    /// </summary>
    /// <param name="threadId">The thread.</param>
    public static Errno TryPTraceInterrupt(int threadId) => Result(ptrace(PTraceInterrupt, threadId, 0, 0));

    /// <summary>PTRACE_DETACH: resumes a stopped thread.</summary>
    /// <param name="threadId">The thread.</param>
    /// <param name="signal">The signal that was to be delivered when it stopped, or 0.</param>
    public static Errno TryPTraceDetach(int threadId, int signal) => Result(ptrace(PTraceDetach, threadId, 0, signal));

    /// <summary>PTRACE_GETREGSET: reads a register set of a stopped thread.</summary>
    /// <param name="threadId">The thread.</param>
    /// <param name="noteType">
    /// The note type of the set, as in core files: NT_PRSTATUS, NT_FPREGSET, NT_X86_XSTATE…
    /// </param>
    /// <param name="buffer">Receives the registers in the kernel's layout.</param>
    /// <param name="length">Length of the set in bytes.</param>
    /// <returns>EINVAL, EIO or ENODEV: the processor has no such register set.</returns>
    public static unsafe Errno TryPTraceGetRegSet(int threadId, uint noteType, Span<byte> buffer, out int length)
    {
        fixed (byte* pointer = buffer)
        {
            IoVector vector = new() { Base = (nuint)pointer, Length = (nuint)buffer.Length };
            Errno errno = Result(ptrace(PTraceGetRegSet, threadId, (nint)noteType, (nint)(&vector)));
            length = errno == Errno.None ? (int)vector.Length : 0;
            return errno;
        }
    }

    /// <summary>PTRACE_GETSIGINFO: reads the siginfo_t of the signal that stopped a thread.</summary>
    /// <param name="threadId">The thread.</param>
    /// <param name="buffer"><see cref="SignalInfoBytes"/> bytes.</param>
    /// <returns>EINVAL: no signal stopped it.</returns>
    public static unsafe Errno TryPTraceGetSigInfo(int threadId, Span<byte> buffer)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(buffer.Length, SignalInfoBytes);
        fixed (byte* pointer = buffer)
        {
            return Result(ptrace(PTraceGetSigInfo, threadId, 0, (nint)pointer));
        }
    }

    private static Errno Result(nint answer) => answer < 0 ? LastErrno : Errno.None;

    [LibraryImport(Library, SetLastError = true)]
    private static partial nint ptrace(nint request, nint pid, nint address, nint data);
}
