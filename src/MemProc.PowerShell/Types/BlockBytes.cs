using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>
/// The bytes of memory blocks in PowerShell: an array, which jobs and remote hosts transport compactly, and whose text is
/// hex, so that a CSV file has the bytes.
/// </summary>
public static class BlockBytes
{
    /// <summary>The type name that has the text, before those of arrays. It stays after the transport.</summary>
    private const string TypeName = "MemProc.BlockBytes";

    /// <summary>Returns the bytes of a block.</summary>
    /// <param name="block">The block.</param>
    public static object? Of(PSObject block) => block?.BaseObject switch
    {
        MemoryBlock memory => Wrap(memory.Bytes),
        PhysicalMemoryBlock memory => Wrap(memory.Bytes),
        _ => null,
    };

    /// <summary>Returns the text of bytes: hex with blanks.</summary>
    /// <param name="bytes">The bytes.</param>
    public static string Text(PSObject bytes) => bytes?.BaseObject is byte[] array ? ByteText.Hex(array) : string.Empty;

    /// <summary>Returns bytes with their text.</summary>
    internal static PSObject Wrap(byte[] bytes)
    {
        PSObject wrapped = new(bytes);
        // PowerShell keeps the names of an object for its lifetime.
        if (wrapped.TypeNames[0] != TypeName)
        {
            wrapped.TypeNames.Insert(0, TypeName);
        }

        return wrapped;
    }
}
