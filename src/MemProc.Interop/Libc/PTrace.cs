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
    /// PTRACE_SEIZE: makes the calling thread the tracer of a thread, without stopping it. All other requests have to
    /// come from this same thread; when it ends, however it ends, the kernel lets its tracees go.
    /// </summary>
    /// <param name="threadId">The thread.</param>
    /// <returns>EPERM: no ptrace access, traced by another, or exiting; ESRCH: no such thread.</returns>
    public static Errno TryPTraceSeize(int threadId) => Result(ptrace(PTraceSeize, threadId, 0, 0));

    /// <summary>PTRACE_INTERRUPT: asks a seized thread to stop; <see cref="TryWaitForStop"/> tells when it has.</summary>
    /// <param name="threadId">The thread.</param>
    public static Errno TryPTraceInterrupt(int threadId) => Result(ptrace(PTraceInterrupt, threadId, 0, 0));

    /// <summary>PTRACE_DETACH: lets a stopped thread go on.</summary>
    /// <param name="threadId">The thread.</param>
    /// <param name="signal">The signal that it was about to get when it stopped, or 0.</param>
    public static Errno TryPTraceDetach(int threadId, int signal) => Result(ptrace(PTraceDetach, threadId, 0, signal));

    /// <summary>PTRACE_GETREGSET: a set of registers of a stopped thread.</summary>
    /// <param name="threadId">The thread.</param>
    /// <param name="noteType">Which set, as notes of core files name them: NT_PRSTATUS, NT_FPREGSET, NT_X86_XSTATE…</param>
    /// <param name="buffer">Where the registers go, in the kernel's layout.</param>
    /// <param name="length">Bytes of the set.</param>
    /// <returns>EINVAL, EIO or ENODEV: the processor has no such set.</returns>
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

    /// <summary>PTRACE_GETSIGINFO: why a thread stopped, as siginfo_t.</summary>
    /// <param name="threadId">The thread.</param>
    /// <param name="buffer"><see cref="SignalInfoBytes"/> bytes.</param>
    /// <returns>EINVAL: it stopped for no signal.</returns>
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
