using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>The sizes of C types that depend on the kind of program: LP64 for 64-bit programs, ILP32 for 32-bit ones.</summary>
/// <param name="PointerBytes">Size of a pointer, and of C's long: 8 or 4 bytes.</param>
/// <param name="AlignmentOfInt64">
/// Alignment of numbers of 64 bits in structs: 8 bytes, or 4 in programs for 32-bit x86.
/// </param>
public sealed record DataModel(int PointerBytes, int AlignmentOfInt64)
{
    /// <summary>64-bit programs.</summary>
    public static DataModel Lp64 { get; } = new(sizeof(ulong), sizeof(ulong));

    /// <summary>32-bit programs for arm, and x32 programs: 32-bit pointers, otherwise as 64-bit programs.</summary>
    public static DataModel Ilp32 { get; } = new(sizeof(uint), sizeof(ulong));

    /// <summary>32-bit programs for x86 (i386).</summary>
    public static DataModel I386 { get; } = new(sizeof(uint), sizeof(uint));

    /// <summary>The auxiliary vector of i386 programs has it, that of x32 programs has not.</summary>
    private const ulong SystemInfo = 32;

    /// <summary>Returns the model of the program that a process runs now.</summary>
    /// <param name="process">The process. One that cannot be read is taken for a 64-bit one.</param>
    public static DataModel Of(MemoryTarget process)
    {
        try
        {
            IReadOnlyList<(ulong Type, ulong Value)> entries = AuxiliaryVectorReader.Read(process, out int wordBytes);
            if (entries.Count > 0)
            {
                return wordBytes == sizeof(ulong) ? Lp64
                    : RuntimeInformation.ProcessArchitecture == Architecture.X64 && entries.Any(entry => entry.Type == SystemInfo)
                    ? I386
                    : Ilp32;
            }
        }
        catch (MemProcException)
        {
            // With CAP_SYS_PTRACE alone memory and maps can be read, but not auxv, whose mode is 0400.
        }

        return EndOfMaps(process) > uint.MaxValue + 1UL ? Lp64
            : RuntimeInformation.ProcessArchitecture == Architecture.X64 ? I386
            : Ilp32;
    }

    /// <summary>
    /// Returns the end of the last mapping but the vsyscall page: in 64-bit processes that of the stack, far above 4 GiB.
    /// </summary>
    private static ulong EndOfMaps(MemoryTarget process)
    {
        ulong end = 0;
        try
        {
            using ProcfsLines lines = new(process, "maps", Operation.ReadMaps);
            while (lines.MoveNext())
            {
                if (MapsLine.TryParse(lines.Current, out MapsLine line) && line.Start <= long.MaxValue)
                {
                    end = line.End;
                }
            }
        }
        catch (MemProcException)
        {
            return ulong.MaxValue;
        }

        return end == 0 ? ulong.MaxValue : end;
    }
}
