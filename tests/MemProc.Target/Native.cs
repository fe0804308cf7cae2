using System.Runtime.InteropServices;

namespace MemProc.Target;

/// <summary>
/// The C functions that the commands call. A failed call ends the command with the name of the function and the C
/// library's error text.
/// </summary>
internal static unsafe partial class Native
{
    public const int ProtNone = 0, ProtRead = 1, ProtWrite = 2, ProtExec = 4;
    public const int MapShared = 1, MapPrivate = 2, MapFixed = 0x10, MapAnonymous = 0x20, MapNoReserve = 0x4000;

    private const string Library = "libc";
    private const int OpenReadOnly = 0, OpenReadWrite = 2, OpenCloseOnExec = 0x80000, MemoryFileCloseOnExec = 1;
    private const int AdviceDoNotNeed = 4;
    private const int SetVma = 0x53564d41, SetVmaAnonymousName = 0;

    /// <summary>Page size in bytes.</summary>
    public static ulong PageSize { get; } = (ulong)Environment.SystemPageSize;

    public static nint Map(nint address, nuint length, int protection, int flags, int file, long offset)
    {
        nint result = mmap(address, length, protection, flags, file, offset);
        Check("mmap", result);
        return result;
    }

    public static void Unmap(nint address, nuint length) => Check("munmap", munmap(address, length));

    public static void Protect(nint address, nuint length, int protection) =>
        Check("mprotect", mprotect(address, length, protection));

    /// <summary>Moves memory to an address where nothing is mapped.</summary>
    public static nint Remap(nint address, nuint length, nint target)
    {
        const int MayMove = 1, Fixed = 2;
        nint result = mremap(address, length, length, MayMove | Fixed, target);
        Check("mremap", result);
        return result;
    }

    public static void Advise(nint address, nuint length, int advice) =>
        Check("madvise", madvise(address, length, advice));

    public static bool TryAdvise(nint address, nuint length, int advice) => madvise(address, length, advice) == 0;

    public static void NameAnonymous(nint address, nuint length, byte[] name)
    {
        fixed (byte* text = name)
        {
            Check("prctl", prctl(SetVma, SetVmaAnonymousName, address, length, text));
        }
    }

    public static int Open(byte[] path, bool writable)
    {
        fixed (byte* text = path)
        {
            int file = open(text, (writable ? OpenReadWrite : OpenReadOnly) | OpenCloseOnExec, 0);
            Check("open", file);
            return file;
        }
    }

    public static int CreateMemoryFile(byte[] name)
    {
        fixed (byte* text = name)
        {
            int file = memfd_create(text, MemoryFileCloseOnExec);
            Check("memfd_create", file);
            return file;
        }
    }

    /// <summary>Calls memfd_secret(2), which the C library does not wrap; the number is that of x86-64 and arm64.</summary>
    public static int CreateSecretFile()
    {
        const nint MemFdSecret = 447;
        int file = (int)syscall(MemFdSecret, 0);
        Check("memfd_secret", file);
        return file;
    }

    public static void Truncate(int file, long length) => Check("ftruncate", ftruncate(file, length));

    public static void WriteBack(int file) => Check("fdatasync", fdatasync(file));

    /// <summary>Calls posix_fadvise(POSIX_FADV_DONTNEED), which returns its error and does not set errno.</summary>
    public static void DropCache(int file, long offset, long length)
    {
        int error = posix_fadvise(file, offset, length, AdviceDoNotNeed);
        if (error != 0)
        {
            throw new CommandException($"posix_fadvise: {Marshal.GetPInvokeErrorMessage(error)}");
        }
    }

    public static void Close(int file) => Check("close", close(file));

    /// <summary>
    /// Returns the number of readable bytes from an address, at most the buffer's length; 0 is an error. Uses a system
    /// call, since a plain read of an invalid address would end the process.
    /// </summary>
    public static int CountReadable(nint address, Span<byte> buffer)
    {
        fixed (byte* copy = buffer)
        {
            Vector local = new((nint)copy, (nuint)buffer.Length);
            Vector remote = new(address, (nuint)buffer.Length);
            nint count = process_vm_readv(gettid(), &local, 1, &remote, 1, 0);
            Check("process_vm_readv", count);
            return (int)count;
        }
    }

    /// <summary>Ends the calling thread alone, as the kernel sees it; the runtime does not notice.</summary>
    public static void ExitThread() =>
        syscall(RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 93 : 60, 0);

    /// <summary>Ends the process without a shutdown of the runtime, which would wait for the main thread.</summary>
    public static void ExitProcess() => _exit(0);

    private static void Check(string call, nint result)
    {
        if (result == -1)
        {
            throw new CommandException($"{call}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    [LibraryImport(Library, SetLastError = true)]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int munmap(nint address, nuint length);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int mprotect(nint address, nuint length, int protection);

    [LibraryImport(Library, SetLastError = true)]
    private static partial nint mremap(nint address, nuint length, nuint newLength, int flags, nint target);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int madvise(nint address, nuint length, int advice);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int prctl(int option, nint attribute, nint address, nuint length, byte* text);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int open(byte* path, int flags, int mode);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int memfd_create(byte* name, uint flags);

    [LibraryImport(Library, SetLastError = true)]
    private static partial nint syscall(nint number, nint argument);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int ftruncate(int file, long length);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int fdatasync(int file);

    [LibraryImport(Library)]
    private static partial int posix_fadvise(int file, long offset, long length, int advice);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int close(int file);

    [LibraryImport(Library, SetLastError = true)]
    private static partial nint process_vm_readv(
        int pid, Vector* local, nuint localCount, Vector* remote, nuint remoteCount, nuint flags);

    /// <summary>The main thread, which has the id of the process, may have exited.</summary>
    [LibraryImport(Library)]
    private static partial int gettid();

    [LibraryImport(Library)]
    private static partial void _exit(int status);

    /// <summary>struct iovec.</summary>
    private readonly record struct Vector(nint Base, nuint Length);
}
