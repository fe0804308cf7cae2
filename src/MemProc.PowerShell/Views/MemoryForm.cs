using System.Management.Automation;
using System.Text;

namespace MemProc.PowerShell;

/// <summary>What bytes of memory become on the pipeline.</summary>
internal static class MemoryForm
{
    /// <summary>Bytes of a text whose length nobody gave.</summary>
    public const ulong UsualText = 4096;

    /// <summary>Blocks; a range of which nothing can be read is an error.</summary>
    /// <param name="reader">Reads them.</param>
    /// <param name="path">The way to the range by pointers; its last address is the first of the range.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="needAll">A gap is an error.</param>
    public static IEnumerable<object> Blocks(MemoryReader reader, ulong[] path, ulong length, bool needAll)
    {
        ulong address = path[^1];
        foreach (MemoryBlock block in reader.ReadBlocks(address, length, path.Length > 1 ? path : null))
        {
            // Nothing in memory is an answer to who asks for what is in memory.
            if (block.Gaps is [{ } gap, ..] && (needAll
                || (block is { Bytes.Length: 0 } && block.Length == length && gap.Kind != MemoryGapKind.NotResident)))
            {
                throw reader.Unreadable(address, length, gap);
            }

            yield return block;
        }
    }

    /// <summary>A text, up to its NUL.</summary>
    /// <param name="reader">Reads it.</param>
    /// <param name="address">The first byte.</param>
    /// <param name="length">Bytes at most; null where nobody said.</param>
    /// <param name="encoding">How the bytes are understood.</param>
    /// <param name="warn">Told that it goes on, where nobody said how long it is.</param>
    public static PSObject Text(
        MemoryReader reader, ulong address, ulong? length, Encoding encoding, Action<string> warn)
    {
        string text = reader.ReadText(address, length ?? UsualText, encoding, out bool isEnded);
        if (!isEnded && length is null)
        {
            warn($"The text at 0x{address:x} has no end within {UsualText} bytes; -Length gives more.");
        }

        return View.AsText(text);
    }

    /// <summary>A value; a pointer is shown in hex, a text without control characters.</summary>
    public static object? Value(object? value, MemoryType type) => value switch
    {
        string text => View.AsText(text),
        ulong pointer when type.Value == MemoryValueType.Pointer => View.AsPointer(pointer),
        _ => value,
    };

    /// <summary>A struct, with its fields as properties.</summary>
    public static PSObject Record(MemoryRecord record)
    {
        PSObject item = new(record);
        foreach ((MemoryField field, object? value) in record.GetFields())
        {
            item.Properties.Add(new PSNoteProperty(field.Name, Value(value, field.Type)));
        }

        return item;
    }
}
