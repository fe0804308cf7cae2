using System.Runtime.InteropServices;

namespace MemProc.Interop;

/// <summary>
/// The C library's functions that MemProc stands on, one a file: the private import bears the C name, the
/// public wrapper retries EINTR and either throws <see cref="ErrnoException"/> or, as TryX, returns the
/// <see cref="Errno"/>.
/// </summary>
public static partial class Libc
{
    /// <summary>The library's name; the runtime resolves it to the C library of the system.</summary>
    private const string Library = "libc";

    private static Errno LastErrno => (Errno)Marshal.GetLastPInvokeError();
}
