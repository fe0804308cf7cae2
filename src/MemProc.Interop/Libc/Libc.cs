using System.Runtime.InteropServices;

namespace MemProc.Interop;

/// <summary>
/// Functions of the C library, one per file. The private import has the C name; the public wrapper retries EINTR and
/// either throws <see cref="ErrnoException"/> or, as TryX, returns the <see cref="Errno"/>.
/// </summary>
public static partial class Libc
{
    /// <summary>The name that the runtime resolves to the C library of the system.</summary>
    private const string Library = "libc";

    private static Errno LastErrno => (Errno)Marshal.GetLastPInvokeError();
}
