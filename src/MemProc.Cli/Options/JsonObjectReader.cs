using System.Text.Json;

namespace MemProc.Cli;

/// <summary>Reads the properties of a JSON object as <c>--json</c> writes them: numbers or <c>"0x…"</c>, bytes in hex.</summary>
/// <param name="item">The object.</param>
internal sealed class JsonObjectReader(JsonElement item)
{
    /// <summary>Reads a file of JSON objects, one per line.</summary>
    /// <param name="path">The file; <c>-</c> is standard input.</param>
    /// <param name="read">Converts an object.</param>
    /// <exception cref="FormatException">A line is not valid; the message says which.</exception>
    public static List<T> ReadLines<T>(string path, Func<JsonObjectReader, T> read)
    {
        List<T> items = [];
        using TextReader file = path == "-" ? Console.In : File.OpenText(path);
        for (int number = 1; file.ReadLine() is string line; number++)
        {
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            try
            {
                using JsonDocument document = JsonDocument.Parse(line);
                items.Add(read(document.RootElement.ValueKind == JsonValueKind.Object
                    ? new JsonObjectReader(document.RootElement)
                    : throw new FormatException("It is not a JSON object.")));
            }
            catch (Exception error) when (error is JsonException or FormatException or OverflowException)
            {
                string where = path == "-" ? "standard input" : SafeText.Escape(path);
                throw new FormatException($"{where}, line {number}: {SafeText.Escape(error.Message)}", error);
            }
        }

        return items.Count > 0 ? items : throw new FormatException($"{SafeText.Escape(path)} has no lines.");
    }

    /// <summary>Returns a property with another name than these, so that a misspelled one is not ignored silently.</summary>
    public string? Unknown(params string[] names) =>
        item.EnumerateObject().Select(field => field.Name).FirstOrDefault(name => !names.Contains(name));

    /// <summary>Returns whether there is such a property, and it is not null.</summary>
    public bool Has(string name) => item.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null;

    /// <summary>Returns a text, or the text of a number.</summary>
    public string Text(string name) => Text(Value(name), name);

    /// <summary>Returns the texts of a list, or of a single value.</summary>
    public string[] Texts(string name)
    {
        JsonElement value = Value(name);
        return value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select(one => Text(one, name))]
            : [Text(value, name)];
    }

    /// <summary>Returns a number, or parses a text as <see cref="NumberText.Parse"/> does.</summary>
    public ulong Number(string name) => NumberText.Parse(Text(name));

    /// <summary>Returns bytes that are written in hex.</summary>
    public byte[] Bytes(string name) => ByteText.Parse(Text(name));

    private static string Text(JsonElement value, string name) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Number => value.GetRawText(),
        _ => throw new FormatException($"{name} is neither a text nor a number."),
    };

    private JsonElement Value(string name) =>
        Has(name) ? item.GetProperty(name) : throw new FormatException($"It has no {name}.");
}
