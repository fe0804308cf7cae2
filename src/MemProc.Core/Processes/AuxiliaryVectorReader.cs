using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>Reads the auxiliary vector of a process (<c>/proc/PID/auxv</c>, getauxval(3)).</summary>
internal static class AuxiliaryVectorReader
{
    private const int MaxVectorBytes = 4096;

    /// <summary>Returns all entries.</summary>
    /// <param name="process">The process.</param>
    /// <param name="wordBytes">Size of a pointer in the process: 8 bytes, or 4 in a 32-bit process.</param>
    /// <exception cref="MemProcException">ReadAuxiliaryVector: it cannot be read.</exception>
    public static IReadOnlyList<(ulong Type, ulong Value)> Read(LinuxProcess process, out int wordBytes)
    {
        using SafeFileHandle file = process.OpenFile("auxv", Operation.ReadAuxiliaryVector);
        Span<byte> bytes = stackalloc byte[MaxVectorBytes];
        Errno errno = Libc.TryPRead(file, bytes, 0, out int read);
        return errno == Errno.None ? AuxiliaryVector.Parse(bytes[..read], out wordBytes)
            : throw process.Failure(Operation.ReadAuxiliaryVector, errno, "its auxiliary vector cannot be read");
    }
}
