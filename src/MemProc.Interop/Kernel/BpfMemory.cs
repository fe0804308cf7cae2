using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

/// <summary>
/// Reads the kernel's memory by a bpf program of a dozen instructions. The program takes an address and a length from a
/// shared map and calls bpf_probe_read_kernel, which returns an error instead of faulting where nothing is mapped. It is
/// attached to nothing and runs in the calling thread, by BPF_PROG_RUN. Not thread-safe.
/// </summary>
public sealed class BpfMemory : KernelMemory
{
    // The element of the map: request and answer.
    private const int AddressOffset = 0;
    private const int LengthOffset = 8;
    private const int ResultOffset = 16;
    private const int TaskOffset = 24;
    private const int CountOffset = 32;
    private const int DataOffset = 64;
    private const int AddressesOffset = DataOffset + MaxReadBytes;
    private const int ElementBytes = AddressesOffset + MaxStructures * sizeof(ulong);

    /// <summary>
    /// The largest number of bytes that one run of the program reads: struct pages of 64 MiB of memory. A program of the type
    /// raw tracepoint cannot be preempted, and this much takes a fraction of a millisecond.
    /// </summary>
    private const int MaxReadBytes = 1024 * 1024;

    /// <summary>The largest number of structures that one run reads.</summary>
    private const int MaxStructures = 256;

    private const int ProbeReadKernel = 113;
    private const int GetCurrentTask = 35;

    // Instructions (Documentation/bpf/standardization/instruction-set.rst).
    private const byte Jump = 0x05;
    private const byte AddNumber = 0x07;
    private const byte AddRegister = 0x0f;
    private const byte LoadAddress = 0x18;
    private const byte JumpIfAbove = 0x25;
    private const byte JumpIfNot = 0x55;
    private const byte ShiftLeft = 0x67;
    private const byte LoadWord = 0x79;
    private const byte StoreWord = 0x7b;
    private const byte JumpIfNotBelowRegister = 0x3d;
    private const byte Call = 0x85;
    private const byte Exit = 0x95;
    private const byte SetNumber = 0xb7;
    private const byte SetRegister = 0xbf;

    /// <summary>BPF_PSEUDO_MAP_VALUE, the source register of <see cref="LoadAddress"/>: an offset in a map's element.</summary>
    private const int MapElement = 2;

    private readonly SafeFileHandle _map;
    private readonly SafeMapping _shared;
    private readonly SafeFileHandle _one;
    private readonly SafeFileHandle _many;

    private BpfMemory(SafeFileHandle map, SafeMapping shared, SafeFileHandle one, SafeFileHandle many)
    {
        _map = map;
        _shared = shared;
        _one = one;
        _many = many;
    }

    /// <summary>Loads the programs.</summary>
    /// <param name="type">SystemCall, or RawTracepoint on Linux 5.10 to 5.13.</param>
    /// <param name="memory">The kernel's memory; null if the kernel refused.</param>
    /// <param name="runsOthers">
    /// The kernel accepts other programs of the type: where it refuses this one, it forbids to read its memory.
    /// </param>
    /// <returns>EPERM: a capability is missing; EINVAL: this kernel does not know the type, or is locked down.</returns>
    public static Errno TryOpen(BpfProgramType type, out BpfMemory? memory, out bool runsOthers)
    {
        memory = null;
        runsOthers = false;
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
        SafeFileHandle? one = null, many = null;
        if (shared is not null)
        {
            int descriptor = (int)map.DangerousGetHandle();
            errno = Libc.TryBpfProgramLoad(type, OneRead(descriptor), out one, out _);
            if (one is not null)
            {
                errno = Libc.TryBpfProgramLoad(type, ManyReads(descriptor), out many, out _);
            }
            else if (errno != Errno.EPERM)
            {
                // The words of the verifier differ between kernels; whether a program that reads nothing loads does not.
                _ = Libc.TryBpfProgramLoad(type, Nothing, out SafeFileHandle? nothing, out _);
                runsOthers = nothing is not null;
                nothing?.Dispose();
            }
        }

        if (many is null)
        {
            one?.Dispose();
            shared?.Dispose();
            map.Dispose();
            return errno;
        }

        memory = new BpfMemory(map, shared!, one!, many);
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno TryRead(ulong address, Span<byte> buffer)
    {
        for (int done = 0; done < buffer.Length;)
        {
            int length = Math.Min(buffer.Length - done, MaxReadBytes);
            Errno errno = Run(address + (ulong)done, length);
            if (errno != Errno.None)
            {
                return errno;
            }

            Shared.Slice(DataOffset, length).CopyTo(buffer[done..]);
            done += length;
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override int ReadMany(ReadOnlySpan<ulong> addresses, int length, Span<byte> buffer)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, MaxBatchedBytes);
        int total = 0;
        while (total < addresses.Length)
        {
            int count = Math.Min(addresses.Length - total, MaxStructures);
            Span<byte> shared = Shared;
            MemoryMarshal.AsBytes(addresses.Slice(total, count)).CopyTo(shared[AddressesOffset..]);
            BinaryPrimitives.WriteUInt64LittleEndian(shared[LengthOffset..], (ulong)length);
            BinaryPrimitives.WriteUInt64LittleEndian(shared[CountOffset..], (ulong)count);
            Errno errno = Libc.TryBpfProgramRun(_many, out uint done);
            int read = errno == Errno.None ? (int)Math.Min(done, (uint)count) : 0;
            for (int index = 0; index < read; index++)
            {
                shared.Slice(DataOffset + index * MaxBatchedBytes, length).CopyTo(buffer[((total + index) * length)..]);
            }

            total += read;
            if (read < count)
            {
                break;
            }
        }

        return total;
    }

    /// <inheritdoc/>
    public override ulong CurrentTask()
    {
        // Nothing can be read at address 0, but the program still stores the task.
        _ = Run(0, sizeof(ulong));
        return BinaryPrimitives.ReadUInt64LittleEndian(Shared[TaskOffset..]);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _many.Dispose();
            _one.Dispose();
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
        BinaryPrimitives.WriteUInt64LittleEndian(shared[AddressOffset..], address);
        BinaryPrimitives.WriteUInt64LittleEndian(shared[LengthOffset..], (ulong)length);
        Errno errno = Libc.TryBpfProgramRun(_one, out uint result);
        return errno != Errno.None ? errno
            : result != 0 ? Errno.E2BIG
            : (Errno)(-BinaryPrimitives.ReadInt64LittleEndian(shared[ResultOffset..]));
    }

    /// <summary>A program that does nothing.</summary>
    private static ulong[] Nothing => [Instruction(SetNumber, 0, 0, 0, 0), Instruction(Exit, 0, 0, 0, 0)];

    /// <summary>The program that reads {address, length}; it returns 0, or 1 if the length is too large.</summary>
    private static ulong[] OneRead(int map) =>
    [
        .. ElementOf(map, 6, 0),
        Instruction(LoadWord, 3, 6, AddressOffset, 0),
        Instruction(LoadWord, 2, 6, LengthOffset, 0),
        Instruction(JumpIfAbove, 2, 0, 8, MaxReadBytes),
        .. ElementOf(map, 1, DataOffset),
        Instruction(Call, 0, 0, 0, ProbeReadKernel),
        Instruction(StoreWord, 6, 0, ResultOffset, 0),
        Instruction(Call, 0, 0, 0, GetCurrentTask),
        Instruction(StoreWord, 6, 0, TaskOffset, 0),
        Instruction(SetNumber, 0, 0, 0, 0),
        Instruction(Exit, 0, 0, 0, 0),
        Instruction(SetNumber, 0, 0, 0, 1),
        Instruction(Exit, 0, 0, 0, 0),
    ];

    /// <summary>The program that reads {count} structures; it returns how many it could read.</summary>
    private static ulong[] ManyReads(int map) =>
    [
        .. ElementOf(map, 6, 0),
        Instruction(LoadWord, 8, 6, LengthOffset, 0),
        Instruction(LoadWord, 9, 6, CountOffset, 0),
        Instruction(SetNumber, 7, 0, 0, 0),
        // for r7 below the count and below the constant limit that the verifier requires
        Instruction(JumpIfNotBelowRegister, 7, 9, 18, 0),
        Instruction(JumpIfAbove, 7, 0, 17, MaxStructures - 1),
        // r3 = addresses[r7]
        Instruction(SetRegister, 2, 7, 0, 0),
        Instruction(ShiftLeft, 2, 0, 0, 3),
        .. ElementOf(map, 1, AddressesOffset),
        Instruction(AddRegister, 1, 2, 0, 0),
        Instruction(LoadWord, 3, 1, 0, 0),
        // r1 = address of the r7th structure in the data
        Instruction(SetRegister, 2, 7, 0, 0),
        Instruction(ShiftLeft, 2, 0, 0, 8),
        .. ElementOf(map, 1, DataOffset),
        Instruction(AddRegister, 1, 2, 0, 0),
        // r2 = length, if it is not too large
        Instruction(SetRegister, 2, 8, 0, 0),
        Instruction(JumpIfAbove, 2, 0, 4, MaxBatchedBytes),
        Instruction(Call, 0, 0, 0, ProbeReadKernel),
        Instruction(JumpIfNot, 0, 0, 2, 0),
        Instruction(AddNumber, 7, 0, 0, 1),
        Instruction(Jump, 0, 0, -19, 0),
        Instruction(SetRegister, 0, 7, 0, 0),
        Instruction(Exit, 0, 0, 0, 0),
    ];

    /// <summary>Loads the address of an offset in the map's element into a register.</summary>
    private static ulong[] ElementOf(int map, int register, int offset) =>
        [Instruction(LoadAddress, register, MapElement, 0, map), (ulong)offset << 32];

    /// <summary>struct bpf_insn: opcode, two registers, an offset, an immediate number.</summary>
    private static ulong Instruction(byte code, int target, int source, short offset, int number) =>
        code | (ulong)target << 8 | (ulong)source << 12 | (ulong)(ushort)offset << 16 | (ulong)(uint)number << 32;
}
