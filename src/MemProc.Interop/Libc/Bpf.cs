using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

/// <summary>Kinds of bpf programs that are used (<c>enum bpf_prog_type</c> of <c>include/uapi/linux/bpf.h</c>).</summary>
public enum BpfProgramType : uint
{
    /// <summary>A raw tracepoint's, here never attached to one.</summary>
    RawTracepoint = 17,
    /// <summary>One that is run by a system call alone (Linux 5.14).</summary>
    SystemCall = 31,
}

public static partial class Libc
{
    private const long BpfNumberX64 = 321;
    private const long BpfNumberArm64 = 280;

    private const int BpfMapCreate = 0;
    private const int BpfProgramLoad = 5;
    private const int BpfProgramRun = 10;

    private const uint BpfArrayMap = 2;
    private const uint BpfMappable = 1 << 10;
    private const uint BpfSleepable = 1 << 4;

    /// <summary>The part of union bpf_attr that these commands look at.</summary>
    private const int BpfAttributeBytes = 128;
    private const int BpfLogBytes = 64 * 1024;

    /// <summary>BPF_OBJ_NAME_LEN, the NUL at the end included.</summary>
    private const int BpfNameBytes = 16;

    /// <summary>bpf(2), BPF_MAP_CREATE: an array of one element, which can be mapped (Linux 5.5).</summary>
    /// <param name="valueBytes">Bytes of the element.</param>
    /// <param name="map">The map, or null where the call failed.</param>
    /// <returns>EPERM: without CAP_BPF, or before Linux 5.11 where RLIMIT_MEMLOCK does not allow it.</returns>
    public static Errno TryBpfMapCreate(int valueBytes, out SafeFileHandle? map)
    {
        Span<byte> attribute = stackalloc byte[BpfAttributeBytes];
        attribute.Clear();
        Put(attribute, 0, BpfArrayMap);
        Put(attribute, 4, sizeof(uint));
        Put(attribute, 8, (uint)valueBytes);
        Put(attribute, 12, 1);
        Put(attribute, 16, BpfMappable);
        PutName(attribute[28..]);
        return TryBpf(BpfMapCreate, attribute, out map);
    }

    /// <summary>mmap(2) of a map's elements, shared and writable.</summary>
    /// <param name="map">The map.</param>
    /// <param name="length">Bytes of its elements.</param>
    /// <param name="mapping">The mapping, or null where the call failed.</param>
    public static unsafe Errno TryMapBpfMap(SafeFileHandle map, int length, out SafeMapping? mapping)
    {
        nint address = mmap(null, (nuint)length, ProtectRead | ProtectWrite, MapShared, map, 0);
        Errno errno = address == -1 ? LastErrno : Errno.None;
        mapping = errno == Errno.None ? new SafeMapping(address, (nuint)length) : null;
        return errno;
    }

    /// <summary>bpf(2), BPF_PROG_LOAD, with the licence that the kernel asks of whoever reads its memory.</summary>
    /// <param name="type">The kind of program.</param>
    /// <param name="instructions">The program.</param>
    /// <param name="program">The program, or null where the call failed.</param>
    /// <param name="log">What the verifier says of one that it refused.</param>
    /// <returns>EPERM: a capability is missing; EINVAL, EACCES: the verifier refused it.</returns>
    public static unsafe Errno TryBpfProgramLoad(
        BpfProgramType type, ReadOnlySpan<ulong> instructions, out SafeFileHandle? program, out string log)
    {
        log = string.Empty;
        Span<byte> attribute = stackalloc byte[BpfAttributeBytes];
        attribute.Clear();
        fixed (ulong* code = instructions)
        fixed (byte* license = "GPL\0"u8)
        {
            Put(attribute, 0, (uint)type);
            Put(attribute, 4, (uint)instructions.Length);
            Put(attribute, 8, code);
            Put(attribute, 16, license);
            Put(attribute, 44, type == BpfProgramType.SystemCall ? BpfSleepable : 0);
            PutName(attribute[48..]);
            Errno errno = TryBpf(BpfProgramLoad, attribute, out program);
            if (errno is Errno.None or Errno.EPERM)
            {
                return errno;
            }

            byte[] text = new byte[BpfLogBytes];
            fixed (byte* buffer = text)
            {
                Put(attribute, 24, 1);
                Put(attribute, 28, BpfLogBytes);
                Put(attribute, 32, buffer);
                Errno again = TryBpf(BpfProgramLoad, attribute, out program);
                log = Encoding.UTF8.GetString(text.AsSpan(0, Math.Max(text.AsSpan().IndexOf((byte)0), 0)));
                return again == Errno.None ? again : errno;
            }
        }
    }

    /// <summary>bpf(2), BPF_PROG_RUN: runs a program once, in this thread, without arguments.</summary>
    /// <param name="program">The program.</param>
    /// <param name="result">What it returned.</param>
    public static unsafe Errno TryBpfProgramRun(SafeFileHandle program, out uint result)
    {
        Span<byte> attribute = stackalloc byte[BpfAttributeBytes];
        attribute.Clear();
        bool referenced = false;
        try
        {
            program.DangerousAddRef(ref referenced);
            Put(attribute, 0, (uint)program.DangerousGetHandle());
            fixed (byte* pointer = attribute)
            {
                // The kernel refuses bytes that it does not know only where they are not 0.
                nint answer = bpf(BpfNumber, BpfProgramRun, pointer, BpfAttributeBytes);
                result = BinaryPrimitives.ReadUInt32LittleEndian(attribute[4..]);
                return answer < 0 ? LastErrno : Errno.None;
            }
        }
        finally
        {
            if (referenced)
            {
                program.DangerousRelease();
            }
        }
    }

    private static long BpfNumber =>
        RuntimeInformation.ProcessArchitecture == Architecture.X64 ? BpfNumberX64 : BpfNumberArm64;

    private static unsafe Errno TryBpf(int command, Span<byte> attribute, out SafeFileHandle? handle)
    {
        fixed (byte* pointer = attribute)
        {
            nint fd = bpf(BpfNumber, command, pointer, BpfAttributeBytes);
            handle = fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
            return fd < 0 ? LastErrno : Errno.None;
        }
    }

    /// <summary>What <c>bpftool</c> shows a program or map by: whose it is. Letters, digits and _ are allowed.</summary>
    private static void PutName(Span<byte> name) => Utf8.TryWrite(
        name[..(BpfNameBytes - 1)], CultureInfo.InvariantCulture, $"memproc_{Environment.ProcessId}", out _);

    private static void Put(Span<byte> attribute, int offset, uint value) =>
        BinaryPrimitives.WriteUInt32LittleEndian(attribute[offset..], value);

    private static unsafe void Put(Span<byte> attribute, int offset, void* value) =>
        BinaryPrimitives.WriteUInt64LittleEndian(attribute[offset..], (ulong)value);

    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    private static unsafe partial nint bpf(long number, long command, byte* attribute, long size);
}
