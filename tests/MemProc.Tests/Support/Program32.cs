using System.Buffers.Binary;
using System.ComponentModel;
using System.Diagnostics;

namespace MemProc.Tests;

/// <summary>
/// A running 32-bit program for x86 that sleeps: an ELF file of 32 bits made here, since the libraries for such programs
/// are installed nowhere. Its data are at known addresses.
/// </summary>
internal sealed class Program32 : IDisposable
{
    /// <summary>Address of the text <c>garlic</c>.</summary>
    public const uint Text = Data;

    /// <summary>Address of a pointer to the text; the four bytes after it are not zero.</summary>
    public const uint Pointer = Data + 0x10;

    /// <summary>Address of a pointer to that pointer.</summary>
    public const uint PointerToPointer = Data + 0x14;

    /// <summary>
    /// Address of a struct of <c>int a; long long b; char* c; long d; double e</c>: 1, 2, the text, -5, 0.5.
    /// </summary>
    public const uint Struct = Data + 0x20;

    private const uint Code = 0x0804_8000;
    private const uint Data = 0x0805_0000;
    private const uint Touched = Data + 0x80;
    private const int HeaderBytes = 52, EntryBytes = 32, FileAlignment = 0x1000;

    private readonly TemporaryFolder _folder = new();
    private readonly Process _process;

    private Program32(byte machine)
    {
        string path = Path.Combine(_folder.Path, "program32");
        File.WriteAllBytes(path, Image(machine));
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        try
        {
            _process = Process.Start(new ProcessStartInfo(path))!;
        }
        catch (Win32Exception error)
        {
            _folder.Dispose();
            Assert.Skip($"needs a kernel that runs 32-bit programs: {error.Message}");
            throw;
        }
    }

    /// <summary>The process id.</summary>
    public int ProcessId => _process.Id;

    /// <summary>Starts it; skips the test where the kernel runs no such programs.</summary>
    public static Program32 Start()
    {
        const byte I386 = 3;
        Assert.SkipUnless(System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture
            == System.Runtime.InteropServices.Architecture.X64, "needs an x86-64 machine");
        Program32 program = new(I386);
        SpinWait.SpinUntil(() => File.ReadAllText($"/proc/{program.ProcessId}/syscall").StartsWith("29 ", StringComparison.Ordinal),
            10_000);
        return program;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _folder.Dispose();
    }

    private static byte[] Image(byte machine)
    {
        byte[] file = new byte[2 * FileAlignment];
        // 32 bits, little-endian, version 1.
        ((ReadOnlySpan<byte>)[0x7f, (byte)'E', (byte)'L', (byte)'F', 1, 1, 1]).CopyTo(file);
        const uint Entry = Code + HeaderBytes + 2 * EntryBytes;
        Write16(file, 16, 2);
        Write16(file, 18, machine);
        Write(file, 20, 1, Entry, HeaderBytes);
        Write16(file, 40, HeaderBytes);
        Write16(file, 42, EntryBytes);
        Write16(file, 44, 2);
        const uint Load = 1, ReadExecute = 5, ReadWrite = 6;
        Write(file, HeaderBytes, Load, 0, Code, Code, FileAlignment, FileAlignment, ReadExecute, FileAlignment);
        Write(file, HeaderBytes + EntryBytes, Load, FileAlignment, Data, Data, FileAlignment, FileAlignment, ReadWrite,
            FileAlignment);
        // mov dword [Touched], 1, so that the page is resident; then mov eax, 29 (pause); int 0x80; jmp back to that.
        ((ReadOnlySpan<byte>)[0xc7, 5, .. BitConverter.GetBytes(Touched), 1, 0, 0, 0, 0xb8, 29, 0, 0, 0, 0xcd, 0x80, 0xeb, 0xf7])
            .CopyTo(file.AsSpan((int)(Entry - Code)));

        "garlic"u8.CopyTo(file.AsSpan(FileAlignment));
        Write(file, FileAlignment + 0x10, Text, Pointer, 0xffff_ffff);
        Write(file, FileAlignment + 0x20, 1, 2, 0, Text, unchecked((uint)-5));
        BinaryPrimitives.WriteDoubleLittleEndian(file.AsSpan(FileAlignment + 0x34), 0.5);
        return file;
    }

    private static void Write16(byte[] file, int offset, ushort value) =>
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(offset), value);

    private static void Write(byte[] file, int offset, params uint[] values)
    {
        foreach (uint value in values)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(offset), value);
            offset += sizeof(uint);
        }
    }
}
