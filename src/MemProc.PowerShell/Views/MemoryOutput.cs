using System.Management.Automation;
using System.Text;

namespace MemProc.PowerShell;

/// <summary>Converts memory to the objects of the pipeline.</summary>
internal static class MemoryOutput
{
    /// <summary>Maximum number of bytes of a text without a given length.</summary>
    public const ulong DefaultTextBytes = 4096;

    /// <summary>Reads a text, up to its NUL.</summary>
    /// <param name="reader">Reads it.</param>
    /// <param name="address">The first byte.</param>
    /// <param name="length">Maximum number of bytes; null: not given.</param>
    /// <param name="encoding">The encoding.</param>
    /// <param name="warn">Receives a warning where the text is cut off and no length is given.</param>
    public static PSObject Text(
        MemoryReader reader, ulong address, ulong? length, Encoding encoding, Action<string> warn)
    {
        string text = reader.ReadText(address, length ?? DefaultTextBytes, encoding, out bool isEnded);
        if (!isEnded && length is null)
        {
            warn($"The text at 0x{address:x} is longer than {DefaultTextBytes} bytes. Use -Length to read more.");
        }

        return MemoryView.AsText(text);
    }

    /// <summary>Converts a value, marked so that pointers are shown in hex and texts without control characters.</summary>
    public static object? Value(object? value, MemoryType type) => value switch
    {
        string text => MemoryView.AsText(text),
        ulong pointer when type.IsPointer => MemoryView.AsPointer(pointer),
        _ => value,
    };

    /// <summary>
    /// Converts a struct to an object with its fields as properties, those that are pointers with a companion in hex.
    /// </summary>
    public static PSObject Record(MemoryRecord record)
    {
        PSObject item = new(record);
        foreach ((MemoryField field, object? value) in record.GetFields())
        {
            item.Properties.Add(new PSNoteProperty(field.Name, value switch
            {
                byte[] bytes => BlockBytes.Wrap(bytes),
                // Its text is the values, in a CSV file too.
                object?[] values => new OutputList<object?>(values),
                _ => Value(value, field.Type),
            }));
            string companion = $"{field.Name}Hex";
            if (value is ulong pointer && field.Type.IsPointer && item.Properties[companion] is null
                && !record.GetFields().Any(other => other.Field.Name.Equals(companion, StringComparison.OrdinalIgnoreCase)))
            {
                item.Properties.Add(new PSNoteProperty(companion, $"0x{pointer:x}"));
            }
        }

        return item;
    }
}
