namespace MemProc.Interop;

public static partial class Libc
{
    private const long LandlockCreateRulesetNumber = 444;

    /// <summary>
    /// landlock_create_ruleset(2) (Linux 5.13) with LANDLOCK_CREATE_RULESET_VERSION: whether the kernel has Landlock. Nothing
    /// is created.
    /// </summary>
    public static bool HasLandlock()
    {
        const int Version = 1;
        return syscall(LandlockCreateRulesetNumber, 0, 0, Version) > 0;
    }

    [System.Runtime.InteropServices.LibraryImport(Library, SetLastError = true)]
    private static partial nint syscall(long number, nint attributes, nuint size, uint flags);
}
