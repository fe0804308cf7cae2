using System.Runtime.InteropServices;

namespace MemProc.Interop;

public static partial class Libc
{
    /// <summary>munmap(2): removes a mapping. Only <see cref="SafeMapping"/> calls it.</summary>
    internal static bool Unmap(nint address, nuint length) => munmap(address, length) == 0;

    [LibraryImport(Library, SetLastError = true)]
    private static partial int munmap(nint address, nuint length);
}
