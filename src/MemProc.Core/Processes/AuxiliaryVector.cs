using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>What the kernel told a program when it started it (<c>/proc/PID/auxv</c>, getauxval(3)).</summary>
internal static class AuxiliaryVector
{
    /// <summary>AT_PHDR: where the main program's headers are.</summary>
    public const ulong ProgramHeaders = 3;

    /// <summary>One of its entries, of a 64-bit process; null where there is none, or it cannot be read.</summary>
    public static ulong? Read(LinuxProcess process, ulong type)
    {
        if (Libc.TryOpenAt(process.Folder, "auxv", OpenAccess.ReadOnly, out SafeFileHandle? file) != Errno.None)
        {
            return null;
        }

        using (file)
        {
            Span<byte> bytes = stackalloc byte[1024];
            if (Libc.TryPRead(file!, bytes, 0, out int read) != Errno.None)
            {
                return null;
            }

            for (int at = 0; at + 2 * sizeof(ulong) <= read; at += 2 * sizeof(ulong))
            {
                if (BitConverter.ToUInt64(bytes[at..]) == type)
                {
                    return BitConverter.ToUInt64(bytes[(at + sizeof(ulong))..]);
                }
            }

            return null;
        }
    }
}
