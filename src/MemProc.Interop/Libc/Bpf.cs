using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

/// <summary>Types of bpf programs (<c>enum bpf_prog_type</c> of <c>include/uapi/linux/bpf.h</c>).</summary>
public enum BpfProgramType : uint
{
    /// <summary>BPF_PROG_TYPE_RAW_TRACEPOINT; never attached to a tracepoint here.</summary>
    RawTracepoint = 17,
    /// <summary>BPF_PROG_TYPE_SYSCALL: run by BPF_PROG_RUN only (Linux 5.14).</summary>
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

    /// <summary>The part of union bpf_attr that these commands use.</summary>
    private const int BpfAttributeBytes = 128;
    private const int BpfLogBytes = 64 * 1024;

    /// <summary>BPF_OBJ_NAME_LEN, with the terminating NUL.</summary>
    private const int BpfNameBytes = 16;

    /// <summary>bpf(2), BPF_MAP_CREATE: creates an array of one element that can be mapped (Linux 5.5).</summary>
    /// <param name="valueBytes">Bytes of the element.</param>
    /// <param name="map">The map; null if the call failed.</param>
    /// <returns>EPERM: CAP_BPF is missing, or before Linux 5.11 RLIMIT_MEMLOCK is too low.</returns>
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

    /// <summary>bpf(2), BPF_PROG_LOAD, with the licence that the kernel requires of programs that read its memory.</summary>
    /// <param name="type">The type of the program.</param>
    /// <param name="instructions">The program.</param>
    /// <param name="program">The program; null if the call failed.</param>
    /// <param name="log">The verifier's log of a program that it refused.</param>
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
    /// <param name="result">The program's return value.</param>
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
                // The kernel refuses bytes that it does not know only if they are not 0.
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

    /// <summary>Writes the name that <c>bpftool</c> shows: the owner. Letters, digits and _ are allowed.</summary>
    private static void PutName(Span<byte> name) => Utf8.TryWrite(
        name[..(BpfNameBytes - 1)], CultureInfo.InvariantCulture, $"memproc_{Environment.ProcessId}", out _);

    private static void Put(Span<byte> attribute, int offset, uint value) =>
        BinaryPrimitives.WriteUInt32LittleEndian(attribute[offset..], value);

    private static unsafe void Put(Span<byte> attribute, int offset, void* value) =>
        BinaryPrimitives.WriteUInt64LittleEndian(attribute[offset..], (ulong)value);

    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    private static unsafe partial nint bpf(long number, long command, byte* attribute, long size);
}
