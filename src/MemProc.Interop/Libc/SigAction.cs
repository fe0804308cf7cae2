using System.Runtime.InteropServices;

namespace MemProc.Interop;

public static partial class Libc
{
    private const int SigChld = 17;

    /// <summary>A struct sigaction, which is kept as it is: its layout is the C library's own.</summary>
    private const int SigActionBytes = 256;

    /// <summary>Puts the default in the place of this program's handler of SIGCHLD, which is to do nothing.</summary>
    /// <returns>What was there, for <see cref="RestoreChildHandler"/>.</returns>
    /// <exception cref="ErrnoException">The kernel refused.</exception>
    internal static unsafe byte[] ReplaceChildHandler()
    {
        byte[] before = new byte[SigActionBytes];
        byte* none = stackalloc byte[SigActionBytes];
        new Span<byte>(none, SigActionBytes).Clear();
        fixed (byte* old = before)
        {
            return sigaction(SigChld, none, old) == 0 ? before : throw new ErrnoException("sigaction", LastErrno);
        }
    }

    /// <summary>
    /// Puts a handler of SIGCHLD back, unless somebody has put another there meanwhile, as the runtime does when it starts
    /// its first process; and has the one that is there look at what happened meanwhile.
    /// </summary>
    /// <exception cref="ErrnoException">The kernel refused.</exception>
    internal static unsafe void RestoreChildHandler(byte[] handler)
    {
        byte* meanwhile = stackalloc byte[SigActionBytes];
        fixed (byte* old = handler)
        {
            // The handler comes first; that of ReplaceChildHandler is 0.
            if (sigaction(SigChld, old, meanwhile) != 0
                || (*(nint*)meanwhile != 0 && sigaction(SigChld, meanwhile, null) != 0)
                || kill(Environment.ProcessId, SigChld) != 0)
            {
                throw new ErrnoException("sigaction", LastErrno);
            }
        }
    }

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial int sigaction(int signal, byte* action, byte* old);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int kill(int pid, int signal);
}
