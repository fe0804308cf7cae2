using System.Globalization;

namespace MemProc;

/// <summary>Which fields a struct in memory has, and where.</summary>
public sealed class MemoryLayout
{
    /// <summary>Larger than any struct; what is larger is a slip.</summary>
    private const int LargestSize = 64 * 1024 * 1024;

    /// <summary>Names that a record has for itself.</summary>
    private static readonly string[] Taken =
    [
        nameof(MemoryRecord.ProcessId), nameof(MemoryRecord.ProcessName), nameof(MemoryRecord.ProcessStartTicks),
        nameof(MemoryRecord.Address), nameof(MemoryRecord.Layout),
    ];

    private MemoryLayout(MemoryField[] fields)
    {
        Fields = fields;
        int alignment = fields.Max(field => field.Type.Alignment);
        DataBytes = fields.Max(field => field.Offset + field.Type.SizeBytes);
        SizeBytes = Align(DataBytes, alignment);
    }

    /// <summary>The fields, in the order in which they were written.</summary>
    public IReadOnlyList<MemoryField> Fields { get; }

    /// <summary>
    /// Bytes of the struct, and so from one to the next in an array of them: with the padding that C puts behind the
    /// last field.
    /// </summary>
    public int SizeBytes { get; }

    /// <summary>Bytes up to the end of the last field, without padding.</summary>
    internal int DataBytes { get; }

    /// <summary>Whether a field points to a text.</summary>
    internal bool HasTextPointers => Fields.Any(one => one.Type.IsTextPointer);

    /// <summary>
    /// Reads a struct as C writes it: <c>int32 pid; char[16] name; pointer next</c>, or <c>char name[16]</c>. Each field
    /// lies where a C compiler would put it; one with <c>@8</c> or <c>@0x8</c> behind its name or type lies at that
    /// offset, and what follows behind it.
    /// </summary>
    /// <exception cref="FormatException">It is no struct; the message names the field.</exception>
    public static MemoryLayout Parse(string text)
    {
        string[] fields = text.Split([';', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return Place(fields.Select(ParseField));
    }

    /// <summary>Makes a layout of names and types: <c>pid</c> and <c>int32@0</c>.</summary>
    /// <param name="fields">Name of each field, and its type with or without <c>@</c> and its offset.</param>
    /// <param name="isOrdered">Fields without an offset lie behind the one before; else each must have one.</param>
    /// <exception cref="FormatException">It is no struct; the message names the field.</exception>
    public static MemoryLayout Create(IEnumerable<KeyValuePair<string, string>> fields, bool isOrdered)
    {
        List<(string Name, MemoryType Type, int? Offset)> given = [];
        foreach ((string name, string description) in fields)
        {
            (string type, int? offset) = SplitOffset(name, description);
            if (offset is null && !isOrdered)
            {
                throw new FormatException($"Field '{SafeText.Escape(name)}' has no offset: write "
                    + $"'{SafeText.Escape(description)}@8'. The order of a hashtable is not that in which it was "
                    + "written; one that is [ordered] takes fields without an offset.");
            }

            given.Add((name, ParseType(name, type), offset));
        }

        return Place(isOrdered ? given : given.OrderBy(field => field.Offset));
    }

    /// <summary>One value as a struct of one field without a name.</summary>
    internal static MemoryLayout Of(MemoryType type) => new([new MemoryField(string.Empty, type, 0)]);

    /// <summary>The layout as <see cref="Parse"/> reads it, each field with its offset.</summary>
    public override string ToString() => string.Join("; ", Fields);

    private static MemoryLayout Place(IEnumerable<(string Name, MemoryType Type, int? Offset)> given)
    {
        List<MemoryField> fields = [];
        HashSet<string> names = new(Taken, StringComparer.OrdinalIgnoreCase);
        long next = 0;
        foreach ((string name, MemoryType type, int? offset) in given)
        {
            if (!names.Add(name))
            {
                throw new FormatException(Taken.Contains(name, StringComparer.OrdinalIgnoreCase)
                    ? $"Field '{SafeText.Escape(name)}': every record has a property of this name already; choose another."
                    : $"Field '{SafeText.Escape(name)}' is there twice; upper and lower case are alike.");
            }

            long place = offset ?? Align(next, type.Alignment);
            next = place + type.SizeBytes;
            if (next > LargestSize)
            {
                throw new FormatException($"Field '{SafeText.Escape(name)}' ends {next} bytes behind the beginning; a "
                    + $"struct has at most {HumanSize.Format(LargestSize)}.");
            }

            fields.Add(new MemoryField(name, type, (int)place));
        }

        return fields.Count > 0
            ? new MemoryLayout([.. fields])
            : throw new FormatException("A layout without fields. Write 'int32 pid; char[16] name; pointer next'.");
    }

    private static (string Name, MemoryType Type, int? Offset) ParseField(string field)
    {
        (string text, int? offset) = SplitOffset(field, field);
        // The name is the last word; brackets behind it belong to the type, and a star in front of it, too.
        int end = text.EndsWith(']') && text.LastIndexOf('[') is int open and > 0 && IsNamePart(text[..open].TrimEnd()[^1])
            && text[..open].TrimEnd().Any(sign => char.IsWhiteSpace(sign) || sign == '*')
            ? open
            : text.Length;
        string front = text[..end].TrimEnd();
        int start = front.Length;
        while (start > 0 && IsNamePart(front[start - 1]))
        {
            start--;
        }

        string name = front[start..];
        string type = front[..start].Trim() + text[end..];
        return name.Length > 0 && !char.IsAsciiDigit(name[0]) && front[..start].Trim().Length > 0
            ? (name, ParseType(name, type), offset)
            : throw new FormatException($"'{SafeText.Escape(field)}' is no field. Write type and name, 'int32 pid', with "
                + "'; ' between fields.");
    }

    private static MemoryType ParseType(string name, string type)
    {
        try
        {
            return MemoryType.Parse(type);
        }
        catch (FormatException error)
        {
            throw new FormatException($"Field '{SafeText.Escape(name)}': {error.Message}", error);
        }
    }

    private static (string Text, int? Offset) SplitOffset(string name, string text)
    {
        int at = text.IndexOf('@', StringComparison.Ordinal);
        if (at < 0)
        {
            return (text.Trim(), null);
        }

        // Behind the name or, 'int32@8 pid', behind the type.
        string behind = text[(at + 1)..].Trim();
        int end = behind.IndexOf(' ', StringComparison.Ordinal);
        string digits = end < 0 ? behind : behind[..end];
        string rest = end < 0 ? string.Empty : behind[end..];
        bool isHex = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return int.TryParse(isHex ? digits.AsSpan(2) : digits,
                isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out int offset)
            && offset >= 0
            ? ((text[..at].TrimEnd() + rest).Trim(), offset)
            : throw new FormatException($"Field '{SafeText.Escape(name)}': '{SafeText.Escape(digits)}' is no offset. "
                + "Write @8 or @0x8.");
    }

    private static bool IsNamePart(char character) => char.IsLetterOrDigit(character) || character == '_';

    private static long Align(long offset, int alignment) => (offset + alignment - 1) / alignment * alignment;

    private static int Align(int offset, int alignment) => (int)Align((long)offset, alignment);
}
