using System.Globalization;

namespace MemProc;

/// <summary>The fields of a struct in memory, and their offsets.</summary>
public sealed class MemoryLayout
{
    /// <summary>Larger than any struct: what exceeds it is a mistake.</summary>
    private const int MaxSize = 64 * 1024 * 1024;

    /// <summary>Names of the properties that every record has.</summary>
    private static readonly string[] ReservedNames =
    [
        nameof(MemoryRecord.ProcessId), nameof(MemoryRecord.ProcessName), nameof(MemoryRecord.ProcessStartTicks),
        nameof(MemoryRecord.Address), nameof(MemoryRecord.AddressHex), nameof(MemoryRecord.Layout),
    ];

    private readonly FieldDefinition[] _definitions;

    private MemoryLayout(MemoryField[] fields, FieldDefinition[] definitions)
    {
        _definitions = definitions;
        Fields = fields;
        int alignment = fields.Max(field => field.Type.Alignment);
        DataBytes = fields.Max(field => field.Offset + field.Type.SizeBytes);
        SizeBytes = Align(DataBytes, alignment);
    }

    /// <summary>The fields, in the order of their definition.</summary>
    public IReadOnlyList<MemoryField> Fields { get; }

    /// <summary>
    /// Size of the struct in bytes, with the padding that C adds after the last field: the stride of an array of them.
    /// </summary>
    public int SizeBytes { get; }

    /// <summary>Size in bytes up to the end of the last field, without padding.</summary>
    internal int DataBytes { get; }

    /// <summary>Whether a field points to a string.</summary>
    internal bool HasTextPointers => Fields.Any(one => one.Type.IsTextPointer);

    /// <summary>
    /// Parses a struct definition: <c>int32 pid; char[16] name; pointer next</c>, or <c>char name[16]</c> as in C.
    /// Fields have the offsets that a C compiler assigns. <c>@8</c> or <c>@0x8</c> after a name or type sets the offset
    /// of that field, and those after it follow.
    /// </summary>
    /// <exception cref="FormatException">The definition is not valid; the message names the field.</exception>
    public static MemoryLayout Parse(string text)
    {
        string[] fields = text.Split([';', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return AssignOffsets(fields.Select(ParseField));
    }

    /// <summary>Creates a layout from names and types: <c>pid</c> and <c>int32@0</c>.</summary>
    /// <param name="fields">Name of each field, and its type with an optional <c>@</c> and offset.</param>
    /// <param name="isOrdered">
    /// Fields without an offset follow the one before; otherwise each must have an offset.
    /// </param>
    /// <exception cref="FormatException">The definition is not valid; the message names the field.</exception>
    public static MemoryLayout Create(IEnumerable<KeyValuePair<string, string>> fields, bool isOrdered)
    {
        List<FieldDefinition> fieldList = [];
        foreach ((string name, string description) in fields)
        {
            (string type, int? offset) = SplitOffset(name, description);
            if (offset is null && !isOrdered)
            {
                throw new FormatException($"Field '{SafeText.Escape(name)}' has no offset: write "
                    + $"'{SafeText.Escape(description)}@8'. A hashtable does not keep the order of its keys; only in an "
                    + "[ordered] one may fields have no offset.");
            }

            fieldList.Add(new FieldDefinition(name, ParseType(name, type), offset));
        }

        return AssignOffsets(isOrdered ? fieldList : fieldList.OrderBy(field => field.Offset));
    }

    /// <summary>Returns one value as a struct of one unnamed field.</summary>
    internal static MemoryLayout Of(MemoryType type) =>
        new([new MemoryField(string.Empty, type, 0)], [new FieldDefinition(string.Empty, type, 0)]);

    /// <summary>
    /// Returns the layout in programs of a data model. Sizes and alignments differ there, and so do offsets that are not
    /// set.
    /// </summary>
    /// <param name="model">The data model.</param>
    /// <exception cref="FormatException">The struct is too large.</exception>
    public MemoryLayout For(DataModel model) => model == DataModel.Lp64 ? this
        : AssignOffsets(_definitions.Select(field => field with { Type = field.Type.For(model) }));

    /// <summary>Formats the layout as <see cref="Parse"/> accepts it, each field with its offset.</summary>
    public override string ToString() => string.Join("; ", Fields);

    private static MemoryLayout AssignOffsets(IEnumerable<FieldDefinition> fieldList)
    {
        FieldDefinition[] definitions = [.. fieldList];
        List<MemoryField> fields = [];
        HashSet<string> names = new(ReservedNames, StringComparer.OrdinalIgnoreCase);
        long next = 0;
        foreach ((string name, MemoryType type, int? offset) in definitions)
        {
            if (!names.Add(name))
            {
                throw new FormatException(ReservedNames.Contains(name, StringComparer.OrdinalIgnoreCase)
                    ? $"Field '{SafeText.Escape(name)}': every record has a property of this name; choose another."
                    : $"Field '{SafeText.Escape(name)}' is defined twice; names are not case-sensitive.");
            }

            long assigned = offset ?? Align(next, type.Alignment);
            next = assigned + type.SizeBytes;
            if (next > MaxSize)
            {
                throw new FormatException($"Field '{SafeText.Escape(name)}' ends at offset {next}; a struct has at most "
                    + $"{HumanSize.Format(MaxSize)}.");
            }

            fields.Add(new MemoryField(name, type, (int)assigned));
        }

        return fields.Count > 0
            ? new MemoryLayout([.. fields], definitions)
            : throw new FormatException("The layout has no fields. Write 'int32 pid; char[16] name; pointer next'.");
    }

    private static FieldDefinition ParseField(string field)
    {
        (string text, int? offset) = SplitOffset(field, field);
        // The name is the last word. Brackets after it and a star before it belong to the type.
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
            ? new FieldDefinition(name, ParseType(name, type), offset)
            : throw new FormatException($"'{SafeText.Escape(field)}' is not a valid field. Write type and name, "
                + "'int32 pid', with '; ' between fields.");
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

        // After the name or, 'int32@8 pid', after the type.
        string after = text[(at + 1)..].Trim();
        int end = after.IndexOf(' ', StringComparison.Ordinal);
        string digits = end < 0 ? after : after[..end];
        string rest = end < 0 ? string.Empty : after[end..];
        bool isHex = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return int.TryParse(isHex ? digits.AsSpan(2) : digits,
                isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out int offset)
            && offset >= 0
            ? ((text[..at].TrimEnd() + rest).Trim(), offset)
            : throw new FormatException($"Field '{SafeText.Escape(name)}': '{SafeText.Escape(digits)}' is not a valid "
                + "offset. Write @8 or @0x8.");
    }

    private static bool IsNamePart(char character) => char.IsLetterOrDigit(character) || character == '_';

    private static long Align(long offset, int alignment) => (offset + alignment - 1) / alignment * alignment;

    private static int Align(int offset, int alignment) => (int)Align((long)offset, alignment);

    /// <summary>A field as it was written: without an offset where the fields before it decide.</summary>
    private sealed record FieldDefinition(string Name, MemoryType Type, int? Offset);
}

/// <summary>A field of a struct.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type.</param>
/// <param name="Offset">Offset in the struct, in bytes.</param>
public sealed record MemoryField(string Name, MemoryType Type, int Offset)
{
    /// <summary>Formats the field as in a layout: <c>int32 pid@0</c>.</summary>
    public override string ToString() => $"{Type} {Name}@{Offset}";
}
