using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

/// <summary>
/// Reads the kernel's memory by a bpf program of a dozen instructions: it takes an address and a length from a map that
/// is shared with it, and calls bpf_probe_read_kernel, which fails where nothing is mapped instead of faulting. The
/// program is attached to nothing; it runs when it is asked to, in this thread. Not for several threads at once.
/// </summary>
public sealed class BpfMemory : KernelMemory
{
    // The element of the map: what is asked and what is answered.
    private const int AddressAt = 0;
    private const int LengthAt = 8;
    private const int ResultAt = 16;
    private const int TaskAt = 24;
    private const int DataAt = 64;

    private const int ElementBytes = 64 * 1024;

    /// <summary>Most bytes that one run of the program reads.</summary>
    private const int LargestRead = ElementBytes - DataAt;

    private const int ProbeReadKernel = 113;
    private const int GetCurrentTask = 35;

    private readonly SafeFileHandle _map;
    private readonly SafeMapping _shared;
    private readonly SafeFileHandle _program;

    private BpfMemory(SafeFileHandle map, SafeMapping shared, SafeFileHandle program)
    {
        _map = map;
        _shared = shared;
        _program = program;
    }

    /// <summary>Loads the program.</summary>
    /// <param name="type">System calls' own kind, or on Linux 5.10 to 5.13 that of raw tracepoints.</param>
    /// <param name="memory">The way to read, or null where the kernel refused.</param>
    /// <param name="log">What the kernel's verifier said.</param>
    /// <returns>EPERM: a capability is missing; EINVAL: this kernel does not know the kind, or is locked down.</returns>
    public static Errno TryOpen(BpfProgramType type, out BpfMemory? memory, out string log)
    {
        memory = null;
        log = string.Empty;
        Errno errno = Libc.TryBpfMapCreate(ElementBytes, out SafeFileHandle? map);
        if (errno == Errno.EPERM && Libc.TryRaiseMemlockLimit() == Errno.None)
        {
            errno = Libc.TryBpfMapCreate(ElementBytes, out map);
        }

        if (map is null)
        {
            return errno;
        }

        errno = Libc.TryMapBpfMap(map, ElementBytes, out SafeMapping? shared);
        SafeFileHandle? program = null;
        if (shared is not null)
        {
            errno = Libc.TryBpfProgramLoad(type, Program((int)map.DangerousGetHandle()), out program, out log);
        }

        if (program is null)
        {
            shared?.Dispose();
            map.Dispose();
            return errno;
        }

        memory = new BpfMemory(map, shared!, program);
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno TryRead(ulong address, Span<byte> buffer)
    {
        for (int done = 0; done < buffer.Length;)
        {
            int length = Math.Min(buffer.Length - done, LargestRead);
            Errno errno = Run(address + (ulong)done, length);
            if (errno != Errno.None)
            {
                return errno;
            }

            Shared.Slice(DataAt, length).CopyTo(buffer[done..]);
            done += length;
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override ulong CurrentTask()
    {
        // At address 0 nothing can be read; the rest of the program runs all the same.
        _ = Run(0, sizeof(ulong));
        return BinaryPrimitives.ReadUInt64LittleEndian(Shared[TaskAt..]);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _program.Dispose();
            _shared.Dispose();
            _map.Dispose();
        }

        base.Dispose(disposing);
    }

    private unsafe Span<byte> Shared
    {
        get
        {
            ObjectDisposedException.ThrowIf(_shared.IsClosed, this);
            return new Span<byte>((void*)_shared.Address, ElementBytes);
        }
    }

    private Errno Run(ulong address, int length)
    {
        Span<byte> shared = Shared;
        BinaryPrimitives.WriteUInt64LittleEndian(shared[AddressAt..], address);
        BinaryPrimitives.WriteUInt64LittleEndian(shared[LengthAt..], (ulong)length);
        Errno errno = Libc.TryBpfProgramRun(_program, out uint result);
        return errno != Errno.None ? errno
            : result != 0 ? Errno.E2BIG
            : (Errno)(-BinaryPrimitives.ReadInt64LittleEndian(shared[ResultAt..]));
    }

    private static ulong[] Program(int map)
    {
        const int ElementOfMap = 2;
        return
        [
            // r6 = the map's element
            Instruction(0x18, 6, ElementOfMap, 0, map), 0,
            // r3 = address, r2 = length; if r2 is too large leave by 1
            Instruction(0x79, 3, 6, AddressAt, 0),
            Instruction(0x79, 2, 6, LengthAt, 0),
            Instruction(0x25, 2, 0, 8, LargestRead),
            // r1 = where the data goes
            Instruction(0x18, 1, ElementOfMap, 0, map), (ulong)DataAt << 32,
            Instruction(0x85, 0, 0, 0, ProbeReadKernel),
            Instruction(0x7b, 6, 0, ResultAt, 0),
            Instruction(0x85, 0, 0, 0, GetCurrentTask),
            Instruction(0x7b, 6, 0, TaskAt, 0),
            // return 0
            Instruction(0xb7, 0, 0, 0, 0),
            Instruction(0x95, 0, 0, 0, 0),
            // return 1
            Instruction(0xb7, 0, 0, 0, 1),
            Instruction(0x95, 0, 0, 0, 0),
        ];
    }

    /// <summary>struct bpf_insn: opcode, two registers, an offset, a number.</summary>
    private static ulong Instruction(byte code, int target, int source, short offset, int number) =>
        code | (ulong)target << 8 | (ulong)source << 12 | (ulong)(ushort)offset << 16 | (ulong)(uint)number << 32;
}
