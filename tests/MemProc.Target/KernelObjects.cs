using System.Runtime.InteropServices;

namespace MemProc.Target;

/// <summary>
/// bpf programs and maps of the whole machine, of all owners, as bpf(2) lists them. Independent of what the loader
/// reports. Requires CAP_SYS_ADMIN.
/// </summary>
internal static unsafe partial class KernelObjects
{
    // enum bpf_cmd of include/uapi/linux/bpf.h.
    private const int NextProgram = 11, NextMap = 12, OpenProgram = 13, OpenMap = 14, Describe = 15;

    // The name in struct bpf_prog_info and in struct bpf_map_info.
    private const int ProgramNameAt = 64, MapNameAt = 24, NameBytes = 16;
    private const int NotFound = 2;

    /// <summary>Returns the ids of the programs with a name, in ascending order.</summary>
    public static List<uint> Programs(ReadOnlySpan<byte> name) => Named(NextProgram, OpenProgram, ProgramNameAt, name);

    /// <summary>Returns the ids of the maps with a name, in ascending order.</summary>
    public static List<uint> Maps(ReadOnlySpan<byte> name) => Named(NextMap, OpenMap, MapNameAt, name);

    private static List<uint> Named(int next, int open, int nameAt, ReadOnlySpan<byte> name)
    {
        List<uint> ids = [];
        ulong* words = stackalloc ulong[2];
        byte* info = stackalloc byte[ProgramNameAt + NameBytes];
        for (uint id = 0; ; )
        {
            // {start_id, next_id}
            (words[0], words[1]) = (id, 0);
            if (Call(next, words) == -1)
            {
                return ids;
            }

            id = (uint)(words[0] >> 32);
            (words[0], words[1]) = (id, 0);
            int file = Call(open, words);
            if (file == -1)
            {
                // Freed in the meantime.
                continue;
            }

            new Span<byte>(info, ProgramNameAt + NameBytes).Clear();
            (words[0], words[1]) = ((uint)file | (ulong)(nameAt + NameBytes) << 32, (ulong)info);
            try
            {
                Call(Describe, words);
            }
            finally
            {
                Native.Close(file);
            }

            if (name.TrimEnd((byte)0).SequenceEqual(new ReadOnlySpan<byte>(info + nameAt, NameBytes).TrimEnd((byte)0)))
            {
                ids.Add(id);
            }
        }
    }

    /// <summary>Returns a file descriptor, or -1 if the object does not exist.</summary>
    private static int Call(int command, ulong* attribute)
    {
        long number = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 280 : 321;
        int result = (int)syscall(number, command, attribute, 2 * sizeof(ulong));
        return result != -1 || Marshal.GetLastPInvokeError() == NotFound
            ? result
            : throw new CommandException($"bpf: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(long number, long command, ulong* attribute, long size);
}
