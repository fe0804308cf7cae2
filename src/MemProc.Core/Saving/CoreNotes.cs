using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
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
/// <param name="layout">For 64 bits or 32.</param>
/// <param name="cancellation">Stops reads.</param>
internal sealed class CoreNotes(LinuxProcess process, ProcessStop? stop, IReadOnlyList<MapWithTraits> maps, CoreLayout layout,
    CancellationToken cancellation)
{
    private const uint PrStatus = 1;
    private const uint FloatingPoint = 2;
    private const uint PrPsInfo = 3;
    private const uint AuxiliaryVector = 6;
    private const uint SignalInfo = 0x53494749;
    private const uint MappedFiles = 0x46494c45;

    /// <summary>Offset of the registers in a prstatus: after signals, ids and times of the width of an address.</summary>
    private int RegistersOffset => layout.Is64Bit ? 112 : 72;

    /// <summary>
    /// Register sets that only one architecture has: XSTATE; thread pointer, SVE, pointer authentication, tagging; of 32-bit
    /// programs TLS and XSTATE, VFP and thread pointer.
    /// </summary>
    private uint[] ExtraRegisterSets => layout.Machine switch
    {
        ElfMachine.Arm64 => [0x401, 0x405, 0x406, 0x409],
        ElfMachine.Arm => [0x400, 0x401],
        ElfMachine.X86 => [0x200, 0x202],
        _ => [0x202],
    };

    /// <summary>The threads, the main thread first, since debuggers select the first one.</summary>
    private int[] Threads => stop is null ? [] : [.. stop.ThreadIds.OrderBy(thread => thread != process.Id)];

    /// <summary>The core has no memory, from which a reader would take the build ids of mapped files.</summary>
    public bool WithBuildIds { get; init; }

    /// <summary>Writes all notes.</summary>
    /// <exception cref="MemProcException">StopProcess, ESRCH: it was killed.</exception>
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
        if (WithBuildIds)
        {
            WriteFile(stream, CoreNoteFormat.BuildIdsName, BuildIds());
        }
    }

    private byte[] BuildIds()
    {
        using MemoryStream list = new();
        using MappedImages images = new(process, cancellation);
        foreach (MappedFile file in images.Files.Where(file => file.Path.StartsWith('/')))
        {
            if (file.BuildId is string id)
            {
                list.Write(Encoding.ASCII.GetBytes($"{id} "));
                list.Write(PathText.Encode(file.Maps[0].RawPath));
                list.WriteByte((byte)'\n');
            }

            file.Close();
        }

        return list.ToArray();
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
            if (!layout.Is64Bit)
            {
                // Signal, error and code, then the rest without the gap before an address of 64 bits.
                info.AsSpan(16).CopyTo(info.AsSpan(12));
            }

            WriteNote(stream, "CORE", SignalInfo, info);
        }
    }

    /// <summary>Writes a struct elf_prstatus. Times stay 0: no debugger reads them.</summary>
    private void WriteStatus(DumpFileWriter stream, int thread)
    {
        byte[] registers = stop!.ReadRegisters(thread, PrStatus)!;
        // pr_fpvalid follows, and pads to the alignment.
        byte[] status = new byte[RegistersOffset + registers.Length + layout.WordBytes];
        int ids = layout.Is64Bit ? 32 : 24;
        if (process.ThreadStat(thread) is ProcessStat stat)
        {
            BinaryPrimitives.WriteInt32LittleEndian(status.AsSpan(ids), thread);
            BinaryPrimitives.WriteInt32LittleEndian(status.AsSpan(ids + 4), stat.ParentId);
            BinaryPrimitives.WriteInt32LittleEndian(status.AsSpan(ids + 8), stat.GroupId);
            BinaryPrimitives.WriteInt32LittleEndian(status.AsSpan(ids + 12), stat.SessionId);
        }

        // Of the signals of a 32-bit program the first 32 have room.
        ulong mask = layout.Is64Bit ? ulong.MaxValue : uint.MaxValue;
        layout.WriteWord(status.AsSpan(16), Mask(thread, "SigPnd"u8) & mask);
        layout.WriteWord(status.AsSpan(16 + layout.WordBytes), Mask(thread, "SigBlk"u8) & mask);
        registers.CopyTo(status.AsSpan(RegistersOffset));
        // pr_fpvalid: there are floating-point registers.
        BinaryPrimitives.WriteInt32LittleEndian(status.AsSpan(RegistersOffset + registers.Length), 1);
        WriteNote(stream, "CORE", PrStatus, status);
    }

    private ulong Mask(int thread, ReadOnlySpan<byte> name) =>
        Utf8Parser.TryParse(StatusText($"task/{thread}/status", name), out ulong mask, out _, 'x') ? mask : 0;

    /// <summary>Returns a struct elf_prpsinfo. That of 32-bit programs has user ids of 16 bits.</summary>
    private byte[] ProcessInfo()
    {
        (int length, int ids, int numbers, int text) = layout.Is64Bit ? (136, 16, 24, 40) : (124, 8, 12, 28);
        byte[] info = new byte[length];
        // A thread that runs: the main thread may have exited before the others.
        if (process.ThreadStat(process.CallId) is ProcessStat stat)
        {
            info[0] = (byte)Math.Max("RSDTZW".IndexOf(stat.State, StringComparison.Ordinal), 0);
            info[1] = (byte)stat.State;
            info[2] = (byte)(stat.IsZombie ? 1 : 0);
            layout.WriteWord(info.AsSpan(layout.WordBytes), stat.Flags);
            BinaryPrimitives.WriteInt32LittleEndian(info.AsSpan(numbers + 4), stat.ParentId);
            BinaryPrimitives.WriteInt32LittleEndian(info.AsSpan(numbers + 8), stat.GroupId);
            BinaryPrimitives.WriteInt32LittleEndian(info.AsSpan(numbers + 12), stat.SessionId);
        }

        (uint user, uint group) = (FirstNumber("Uid"u8), FirstNumber("Gid"u8));
        if (layout.Is64Bit)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(info.AsSpan(ids), user);
            BinaryPrimitives.WriteUInt32LittleEndian(info.AsSpan(ids + 4), group);
        }
        else
        {
            BinaryPrimitives.WriteUInt16LittleEndian(info.AsSpan(ids), OfSixteenBits(user));
            BinaryPrimitives.WriteUInt16LittleEndian(info.AsSpan(ids + 2), OfSixteenBits(group));
        }

        BinaryPrimitives.WriteInt32LittleEndian(info.AsSpan(numbers), process.Id);
        byte[] name = Encoding.UTF8.GetBytes(process.Identity.Name);
        name.AsSpan(0, Math.Min(name.Length, 15)).CopyTo(info.AsSpan(text));
        byte[] commandLine = ReadAll("cmdline");
        Span<byte> arguments = info.AsSpan(text + 16, 79);
        commandLine.AsSpan(0, Math.Min(commandLine.Length, arguments.Length)).CopyTo(arguments);
        int used = arguments.TrimEnd((byte)0).Length;
        arguments[..used].Replace((byte)0, (byte)' ');
        return info;

        // What the kernel writes for an id that does not fit.
        static ushort OfSixteenBits(uint id) => id <= ushort.MaxValue ? (ushort)id : (ushort)65534;
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
        ProcMap[] files = [.. maps.Select(mapping => mapping.Map).Where(map => map.Path.StartsWith('/'))];
        byte[] numbers = new byte[(2 + 3 * files.Length) * layout.WordBytes];
        int at = 0;
        Write((ulong)files.Length);
        Write(MachinePage.SizeBytes);
        using MemoryStream names = new();
        foreach (ProcMap map in files)
        {
            Write(map.Start);
            Write(map.End);
            Write(map.Offset / MachinePage.SizeBytes);
            // A path is bytes, which need not be UTF-8.
            names.Write(PathText.Encode(map.IsDeleted ? $"{map.Path} (deleted)" : map.Path));
            names.WriteByte(0);
        }

        return [.. numbers, .. names.ToArray()];

        void Write(ulong word)
        {
            layout.WriteWord(numbers.AsSpan(at), word);
            at += layout.WordBytes;
        }
    }

    private byte[] ReadAll(string name)
    {
        using SafeFileHandle file = process.OpenFile(name, Operation.ReadStatus);
        byte[] buffer = new byte[16 * 1024];
        return buffer[..Libc.PReadFully(file, buffer, 0)];
    }
}
