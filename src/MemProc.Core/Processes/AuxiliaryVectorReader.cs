using MemProc.Interop;

namespace MemProc;

/// <summary>Reads the auxiliary vector of a process (<c>/proc/PID/auxv</c>, getauxval(3)).</summary>
internal static class AuxiliaryVectorReader
{
    private const int MaxVectorBytes = 4096;

    /// <summary>Returns all entries.</summary>
    /// <param name="process">The process.</param>
    /// <param name="wordBytes">Size of a pointer in the process: 8 bytes, or 4 in a 32-bit process.</param>
    /// <exception cref="MemProcException">ReadAuxiliaryVector: it cannot be read.</exception>
    public static IReadOnlyList<(ulong Type, ulong Value)> Read(MemoryTarget process, out int wordBytes)
    {
        using TargetText file = process.OpenText("auxv", Operation.ReadAuxiliaryVector);
        Span<byte> bytes = stackalloc byte[MaxVectorBytes];
        Errno errno = file.TryRead(bytes, 0, out int read);
        return errno == Errno.None ? AuxiliaryVector.Parse(bytes[..read], out wordBytes)
            : throw process.Failure(Operation.ReadAuxiliaryVector, errno, "its auxiliary vector cannot be read");
    }
}
