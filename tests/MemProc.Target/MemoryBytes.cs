using System.Runtime.InteropServices;

namespace MemProc.Target;

/// <summary>Writes known bytes to memory and reads memory.</summary>
internal static unsafe class MemoryBytes
{
    private const int MaxTextBytes = 4096;

    /// <summary>Maps two pages with known strings.</summary>
    public static nint Seed()
    {
        nint address = Mappings.Anonymous(8192, Native.ProtRead | Native.ProtWrite, shared: false);
        Put(address, "ABCDEFGHIJKL1234567890!@#$%^&*()KKKKKKKKKKKKKKKKKKK\0"u8);
        Put(address + 4096, "AAAAAAAAAAAAAAAAAAABBBBBBBBBBBBCCCCCCCCCCC\0"u8);
        return address;
    }

    /// <summary>Allocates a text on the C heap, and an 8-byte variable there with its address.</summary>
    public static (nint Text, nint Pointer) Garlic()
    {
        nint text = (nint)NativeMemory.Alloc(1000);
        Put(text, "garlic\0"u8);
        nint* pointer = (nint*)NativeMemory.Alloc((nuint)sizeof(nint));
        *pointer = text;
        return (text, (nint)pointer);
    }

    /// <summary>Reads bytes.</summary>
    public static byte[] Read(nint address, int length)
    {
        byte[] bytes = new byte[length];
        int readable = Native.CountReadable(address, bytes);
        if (readable < length)
        {
            throw new CommandException($"peek: {readable} of {length} bytes are readable");
        }

        // Read again by plain instructions: what this process sees, independent of system calls.
        new ReadOnlySpan<byte>((void*)address, length).CopyTo(bytes);
        return bytes;
    }

    /// <summary>Reads bytes up to a NUL.</summary>
    public static byte[] ReadText(nint address)
    {
        int readable = Native.CountReadable(address, stackalloc byte[MaxTextBytes]);
        ReadOnlySpan<byte> bytes = new((void*)address, readable);
        int end = bytes.IndexOf((byte)0);
        return end < 0 ? throw new CommandException("say: no NUL") : bytes[..end].ToArray();
    }

    /// <summary>Writes 1 to the first byte of pages that are <paramref name="stride"/> bytes apart.</summary>
    public static void Touch(nint address, ulong pages, ulong stride)
    {
        for (ulong page = 0; page < pages; page++)
        {
            Volatile.Write(ref *(byte*)(address + (nint)(page * stride)), 1);
        }
    }

    /// <summary>
    /// Writes computable bytes that look random. Byte i is
    /// <c>(byte)((i * 2654435761u >> 13) + seed)</c>, in 32-bit arithmetic with overflow.
    /// </summary>
    public static void Fill(nint address, nuint length, uint seed)
    {
        byte* bytes = (byte*)address;
        for (nuint i = 0; i < length; i++)
        {
            bytes[i] = unchecked((byte)(((uint)i * 2654435761u >> 13) + seed));
        }
    }

    private static void Put(nint address, ReadOnlySpan<byte> bytes) =>
        bytes.CopyTo(new Span<byte>((void*)address, bytes.Length));
}
