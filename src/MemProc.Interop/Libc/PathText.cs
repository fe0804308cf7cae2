using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using System.Text;
using System.Text.Unicode;

namespace MemProc.Interop;

/// <summary>
/// Paths as text without loss. A path of the kernel is bytes, which are usually UTF-8. A byte that is not becomes the
/// lone surrogate U+DC80 to U+DCFF, and back; valid UTF-8 cannot contain it.
/// </summary>
public static class PathText
{
    private const int EscapeBase = 0xdc00;

    /// <summary>Returns the text of a path.</summary>
    public static string Decode(ReadOnlySpan<byte> path)
    {
        if (Utf8.IsValid(path))
        {
            return Encoding.UTF8.GetString(path);
        }

        StringBuilder text = new(path.Length);
        Span<char> units = stackalloc char[2];
        while (!path.IsEmpty)
        {
            bool isValid = Rune.DecodeFromUtf8(path, out Rune rune, out int used) == System.Buffers.OperationStatus.Done;
            if (isValid)
            {
                text.Append(units[..rune.EncodeToUtf16(units)]);
            }
            else
            {
                foreach (byte value in path[..used])
                {
                    text.Append((char)(EscapeBase + value));
                }
            }

            path = path[used..];
        }

        return text.ToString();
    }

    /// <summary>Returns the bytes of a path.</summary>
    public static byte[] Encode(string path)
    {
        byte[] bytes = new byte[MaxBytes(path)];
        return bytes[..Encode(path, bytes)];
    }

    /// <summary>Whether a character stands for a byte that is not UTF-8, if it is not part of a surrogate pair.</summary>
    public static bool IsEscape(char character) => character is >= '\udc80' and <= '\udcff';

    /// <summary>Bytes that suffice for a path.</summary>
    internal static int MaxBytes(string path) => checked(path.Length * 3);

    /// <summary>Writes the bytes of a path.</summary>
    /// <returns>Their number.</returns>
    internal static int Encode(ReadOnlySpan<char> path, Span<byte> bytes)
    {
        int length = 0;
        while (!path.IsEmpty)
        {
            bool isValid = Rune.DecodeFromUtf16(path, out Rune rune, out int used) == System.Buffers.OperationStatus.Done;
            if (!isValid && IsEscape(path[0]))
            {
                bytes[length++] = (byte)(path[0] - EscapeBase);
            }
            else
            {
                length += rune.EncodeToUtf8(bytes[length..]);
            }

            path = path[used..];
        }

        return length;
    }
}

/// <summary>Passes a path to the C library as the bytes that its text stands for.</summary>
[CustomMarshaller(typeof(string), MarshalMode.ManagedToUnmanagedIn, typeof(PathMarshaller))]
internal static unsafe class PathMarshaller
{
    /// <summary>Returns the bytes with a NUL at the end, in memory that <see cref="Free"/> releases.</summary>
    public static byte* ConvertToUnmanaged(string path)
    {
        int size = PathText.MaxBytes(path) + 1;
        byte* bytes = (byte*)NativeMemory.Alloc((nuint)size);
        bytes[PathText.Encode(path, new Span<byte>(bytes, size - 1))] = 0;
        return bytes;
    }

    /// <summary>Releases the bytes.</summary>
    public static void Free(byte* bytes) => NativeMemory.Free(bytes);
}
