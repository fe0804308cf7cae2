using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// Writes the notes of a core file as the kernel does (<c>fs/binfmt_elf.c</c>): registers of the threads, the process,
/// its auxiliary vector, its mapped files.
/// </summary>
/// <param name="process">The process.</param>
/// <param name="stop">The stop that it is under; null: it runs, and its registers cannot be read.</param>
/// <param name="maps">All its mappings.</param>
internal sealed class CoreNotes(LinuxProcess process, ProcessStop? stop, IReadOnlyList<MapWithTraits> maps)
{
    private const uint PrStatus = 1;
    private const uint FloatingPoint = 2;
    private const uint PrPsInfo = 3;
    private const uint AuxiliaryVector = 6;
    private const uint SignalInfo = 0x53494749;
    private const uint MappedFiles = 0x46494c45;

    /// <summary>Offset of the registers in a prstatus: 112 bytes on both architectures.</summary>
    private const int RegistersOffset = 112;

    private static bool IsArm64 => RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    /// <summary>Size of the general registers in bytes: struct user_regs_struct, struct user_pt_regs.</summary>
    private static int RegisterBytes => IsArm64 ? 34 * 8 : 27 * 8;

    /// <summary>
    /// Register sets that only one architecture has: XSTATE; thread pointer, SVE, pointer authentication, tagging.
    /// </summary>
    private static uint[] ExtraRegisterSets => IsArm64 ? [0x401, 0x405, 0x406, 0x409] : [0x202];

    /// <summary>The threads, the main thread first, since debuggers select the first one.</summary>
    private int[] Threads => stop is null ? [] : [.. stop.ThreadIds.OrderBy(thread => thread != process.Id)];

    /// <summary>Writes all notes.</summary>
    /// <exception cref="MemProcException">
    /// ReadStatus, EOPNOTSUPP: a 32-bit process. StopProcess, ESRCH: it was killed.
    /// </exception>
    public void Write(DumpFileWriter stream)
    {
        int[] threads = Threads;
        if (threads.Length > 0)
        {
            WriteStatus(stream, threads[0]);
        }

        WriteNote(stream, "CORE", PrPsInfo, ProcessInfo());
        if (threads.Length > 0)
        {
            WriteSignalInfo(stream, threads[0]);
        }

        WriteNote(stream, "CORE", AuxiliaryVector, ReadAll("auxv"));
        WriteNote(stream, "CORE", MappedFiles, Files());
        WriteOwn(stream);
        for (int index = 0; index < threads.Length; index++)
        {
            if (index > 0)
            {
                WriteStatus(stream, threads[index]);
                WriteSignalInfo(stream, threads[index]);
            }

            WriteRegisterSet(stream, threads[index], "CORE", FloatingPoint);
            foreach (uint set in ExtraRegisterSets)
            {
                WriteRegisterSet(stream, threads[index], "LINUX", set);
            }
        }
    }

    private static void WriteNote(DumpFileWriter stream, string owner, uint type, ReadOnlySpan<byte> content)
    {
        stream.Write(CoreNoteFormat.Note(owner, type, content));
    }

    /// <summary>Writes what only MemProc reads: the whole list of mappings, and files of procfs.</summary>
    private void WriteOwn(DumpFileWriter stream)
    {
        WriteNote(stream, CoreNoteFormat.Owner, CoreNoteFormat.HeaderType,
            CoreNoteFormat.Header(process.Identity.StartTicks, DateTimeOffset.UtcNow));
        using MemoryStream list = new();
        foreach (ProcMap map in maps.Select(mapping => mapping.Map))
        {
            (uint major, uint minor) = map.DeviceNumbers;
            list.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture,
                $"{map.Start:x}-{map.End:x} {map.Permissions} {map.Offset:x8} {major:x2}:{minor:x2} {map.Inode} ")));
            list.Write(PathText.Encode(map.RawPath));
            list.WriteByte((byte)'\n');
        }

        WriteFile(stream, "maps", list.ToArray());
        WriteFile(stream, "status", ReadAll("status"));
        WriteFile(stream, CoreNoteFormat.HugeTlbName, Encoding.ASCII.GetBytes(
            string.Concat(process.HugeTlbDevices.Value.Select(device => $"{device.Major}:{device.Minor}\n"))));
    }

    private static void WriteFile(DumpFileWriter stream, string name, byte[] content) =>
        WriteNote(stream, CoreNoteFormat.Owner, CoreNoteFormat.FileType, CoreNoteFormat.File(name, content));

    private void WriteRegisterSet(DumpFileWriter stream, int thread, string owner, uint type)
    {
        if (stop!.ReadRegisters(thread, type) is byte[] registers)
        {
            WriteNote(stream, owner, type, registers);
        }
    }

    private void WriteSignalInfo(DumpFileWriter stream, int thread)
    {
        if (stop!.ReadSignalInfo(thread) is byte[] info)
        {
            WriteNote(stream, "CORE", SignalInfo, info);
        }
    }

    /// <summary>Writes a struct elf_prstatus. Times stay 0: no debugger reads them.</summary>
    private void WriteStatus(DumpFileWriter stream, int thread)
    {
        byte[] registers = stop!.ReadRegisters(thread, PrStatus)!;
        if (registers.Length != RegisterBytes)
        {
            throw new MemProcException(Operation.ReadStatus, Errno.EOPNOTSUPP,
                $"Process {process.Identity} is a 32-bit process, whose registers cannot be saved in a 64-bit core. Save it "
                + "without stopping it, or as raw files.", process.Id);
        }

        byte[] status = new byte[RegistersOffset + RegisterBytes + 8];
        if (process.ThreadStat(thread) is ProcessStat stat)
        {
            BinaryPrimitives.WriteInt32LittleEndian(status.AsSpan(32), thread);
            BinaryPrimitives.WriteInt32LittleEndian(status.AsSpan(36), stat.ParentId);
            BinaryPrimitives.WriteInt32LittleEndian(status.AsSpan(40), stat.GroupId);
            BinaryPrimitives.WriteInt32LittleEndian(status.AsSpan(44), stat.SessionId);
        }

        BinaryPrimitives.WriteUInt64LittleEndian(status.AsSpan(16), Mask(thread, "SigPnd"u8));
        BinaryPrimitives.WriteUInt64LittleEndian(status.AsSpan(24), Mask(thread, "SigBlk"u8));
        registers.CopyTo(status.AsSpan(RegistersOffset));
        // pr_fpvalid: there are floating-point registers.
        BinaryPrimitives.WriteInt32LittleEndian(status.AsSpan(RegistersOffset + RegisterBytes), 1);
        WriteNote(stream, "CORE", PrStatus, status);
    }

    private ulong Mask(int thread, ReadOnlySpan<byte> name) =>
        Utf8Parser.TryParse(StatusText($"task/{thread}/status", name), out ulong mask, out _, 'x') ? mask : 0;

    /// <summary>Returns a struct elf_prpsinfo.</summary>
    private byte[] ProcessInfo()
    {
        byte[] info = new byte[136];
        // A thread that runs: the main thread may have exited before the others.
        if (process.ThreadStat(process.CallId) is ProcessStat stat)
        {
            info[0] = (byte)Math.Max("RSDTZW".IndexOf(stat.State, StringComparison.Ordinal), 0);
            info[1] = (byte)stat.State;
            info[2] = (byte)(stat.IsZombie ? 1 : 0);
            BinaryPrimitives.WriteUInt64LittleEndian(info.AsSpan(8), stat.Flags);
            BinaryPrimitives.WriteInt32LittleEndian(info.AsSpan(28), stat.ParentId);
            BinaryPrimitives.WriteInt32LittleEndian(info.AsSpan(32), stat.GroupId);
            BinaryPrimitives.WriteInt32LittleEndian(info.AsSpan(36), stat.SessionId);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(info.AsSpan(16), FirstNumber("Uid"u8));
        BinaryPrimitives.WriteUInt32LittleEndian(info.AsSpan(20), FirstNumber("Gid"u8));
        BinaryPrimitives.WriteInt32LittleEndian(info.AsSpan(24), process.Id);
        byte[] name = Encoding.UTF8.GetBytes(process.Identity.Name);
        name.AsSpan(0, Math.Min(name.Length, 15)).CopyTo(info.AsSpan(40));
        byte[] commandLine = ReadAll("cmdline");
        Span<byte> arguments = info.AsSpan(56, 79);
        commandLine.AsSpan(0, Math.Min(commandLine.Length, arguments.Length)).CopyTo(arguments);
        int length = arguments.TrimEnd((byte)0).Length;
        arguments[..length].Replace((byte)0, (byte)' ');
        return info;
    }

    private uint FirstNumber(ReadOnlySpan<byte> name) =>
        Utf8Parser.TryParse(StatusText("status", name), out uint number, out _) ? number : 0;

    private byte[] StatusText(string file, ReadOnlySpan<byte> name)
    {
        using ProcfsLines lines = new(process, file, Operation.ReadStatus);
        while (lines.MoveNext())
        {
            if (StatusLine.TryParse(lines.Current, out StatusLine line) && line.Name.SequenceEqual(name))
            {
                return line.Text.ToArray();
            }
        }

        return [];
    }

    /// <summary>
    /// Returns the content of NT_FILE: count, page size, then start, end and offset in pages of each file, then the
    /// names.
    /// </summary>
    private byte[] Files()
    {
        using MemoryStream numbers = new();
        using MemoryStream names = new();
        using BinaryWriter writer = new(numbers);
        ProcMap[] files = [.. maps.Select(mapping => mapping.Map).Where(map => map.Path.StartsWith('/'))];
        writer.Write((ulong)files.Length);
        writer.Write(MachinePage.SizeBytes);
        foreach (ProcMap map in files)
        {
            writer.Write(map.Start);
            writer.Write(map.End);
            writer.Write(map.Offset / MachinePage.SizeBytes);
            names.Write(Encoding.UTF8.GetBytes(map.IsDeleted ? $"{map.Path} (deleted)" : map.Path));
            names.WriteByte(0);
        }

        writer.Flush();
        names.WriteTo(numbers);
        return numbers.ToArray();
    }

    private byte[] ReadAll(string name)
    {
        using SafeFileHandle file = process.OpenFile(name, Operation.ReadStatus);
        byte[] buffer = new byte[16 * 1024];
        return buffer[..Libc.PReadFully(file, buffer, 0)];
    }
}
