using System.Runtime.InteropServices;

namespace MemProc.Interop;

public static partial class Libc
{
    private const int SigChld = 17;

    /// <summary>Room for a struct sigaction, whose layout is the C library's own and is not interpreted here.</summary>
    private const int SigActionBytes = 256;

    /// <summary>
    /// sigaction(2): replaces this program's handler of SIGCHLD by the default, which is to do nothing.
    /// </summary>
    /// <returns>The previous handler, for <see cref="RestoreChildHandler"/>.</returns>
    /// <exception cref="ErrnoException">The call failed.</exception>
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
    /// Restores a handler of SIGCHLD and sends the signal, so that it handles what happened meanwhile. A handler that
    /// was installed meanwhile stays, as the one of the runtime does that starts its first process.
    /// </summary>
    /// <param name="handler">The previous handler.</param>
    /// <exception cref="ErrnoException">A call failed.</exception>
    internal static unsafe void RestoreChildHandler(byte[] handler)
    {
        byte* meanwhile = stackalloc byte[SigActionBytes];
        fixed (byte* old = handler)
        {
            // The first member is the handler; ReplaceChildHandler has set it to 0.
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
