using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

public static partial class Libc
{
    private const uint MemoryFileCloseOnExec = 1;

    /// <summary>memfd_create(2): creates a file that exists in memory only.</summary>
    /// <param name="name">A name, shown in <c>/proc/PID/maps</c>; it need not be unique.</param>
    /// <exception cref="ErrnoException">The kernel refused.</exception>
    public static SafeFileHandle CreateMemoryFile(string name)
    {
        int descriptor = memfd_create(name, MemoryFileCloseOnExec);
        return descriptor < 0
            ? throw new ErrnoException("memfd_create", LastErrno)
            : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int memfd_create(string name, uint flags);
}
