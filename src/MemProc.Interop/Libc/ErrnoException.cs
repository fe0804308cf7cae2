using System.Runtime.InteropServices;

namespace MemProc.Interop;

/// <summary>A system call failed; the error number is kept as the kernel gave it.</summary>
/// <param name="call">The C name of the call, with what it was asked for.</param>
/// <param name="errno">The error number.</param>
public sealed class ErrnoException(string call, Errno errno) : IOException($"{call}: {Describe(errno)} ({errno})")
{
    /// <summary>The error number.</summary>
    public Errno Errno { get; } = errno;

    /// <summary>The C library's words for an error number.</summary>
    public static string Describe(Errno errno) => Marshal.GetPInvokeErrorMessage((int)errno);
}
