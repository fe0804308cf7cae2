using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Text;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>
/// Formats memory for the views: bytes and values, dumps, matches, and instructions. Like <see cref="View"/>, it takes plain
/// values.
/// </summary>
public static class MemoryView
{
    /// <summary>The property that marks a block whose dump shows equal lines.</summary>
    internal const string AllLines = "AllLines";

    private const int MaxDumpBytes = 64 * 1024;

    /// <summary>The type name that marks a number as a pointer, which is shown in hex.</summary>
    private const string PointerType = "MemProc.Pointer";

    /// <summary>The type name that marks a text as written by a process, which is shown without control characters.</summary>
    private const string TextType = "MemProc.Text";

    /// <summary>Formats bytes in one line: the first ones in hex and as characters.</summary>
    public static string Bytes(object? bytes) =>
        LanguagePrimitives.ConvertTo<byte[]>(bytes) is { Length: > 0 } some ? ByteText.Preview(some) : string.Empty;

    /// <summary>Formats a match: a number, or the first bytes.</summary>
    public static string Match(PSObject match)
    {
        object? type = View.Value(match, "Type");
        return MatchText.Describe(
            LanguagePrimitives.ConvertTo<byte[]>(View.Value(match, "Bytes")) ?? [], type?.ToString() is nameof(MemoryValueType.Pointer) or nameof(MemoryValueType.Pointer32),
            type is null ? null : View.Value(match, "Value"), View.Value(match, "PreviousValue"));
    }

    /// <summary>Formats a match with the bytes around it, as a hex dump.</summary>
    /// <param name="match">The match.</param>
    /// <param name="host">As for <see cref="View.Path"/>.</param>
    public static string MatchInContext(PSObject match, PSHost? host)
    {
        byte[] bytes = LanguagePrimitives.ConvertTo<byte[]>(View.Value(match, "ContextBytes")) ?? [];
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"0x{View.Number(match, "Address"):x12} {View.Value(match, "Permissions")} ")
            .Append(CultureInfo.InvariantCulture, $"{HumanSize.Format(View.Number(match, "Length"))}, process ")
            .Append(View.Process(View.Value(match, "ProcessId"), View.Value(match, "ProcessName")));
        text.AppendLine($" {View.Path(View.Value(match, "Path"), host, text.Length + 1)}".TrimEnd());
        foreach (string line in HexDump.Fold(HexDump.Lines(View.Number(match, "ContextAddress"), bytes, (ulong)bytes.Length, [])))
        {
            text.AppendLine(line);
        }

        return text.ToString().TrimEnd('\n');
    }

    /// <summary>Formats registers in hex, one below the other.</summary>
    public static string Registers(object? registers) => InputValues.Unwrap(registers) is IDictionary named
        ? string.Join('\n', named.Keys.Cast<object>().Select(name => $"{View.Text(name),-9} {View.Hex(named[name])}"))
        : string.Empty;

    /// <summary>Formats a word and what it points to as a line.</summary>
    public static string TelescopeLine(PSObject word) => string.Create(CultureInfo.InvariantCulture,
        $"0x{View.Number(word, "Address"):x12} +0x{View.Number(word, "Offset"):x4}  {View.Text(View.Value(word, "Description"))}");

    /// <summary>Formats bytes in hex, with blanks.</summary>
    public static string HexBytes(object? bytes) => InstructionText.Bytes(LanguagePrimitives.ConvertTo<byte[]>(bytes) ?? []);

    /// <summary>Formats an instruction as a line: address, bytes, text, and the symbol of its target.</summary>
    public static string CodeLine(PSObject instruction) => InstructionText.Line(View.Number(instruction, "Address"),
        LanguagePrimitives.ConvertTo<byte[]>(View.Value(instruction, "Bytes")) ?? [], $"{View.Value(instruction, "Prefix")}",
        $"{View.Value(instruction, "Mnemonic")}", $"{View.Value(instruction, "Operands")}", View.Optional(instruction, "Target"),
        View.Value(instruction, "TargetSymbol") as string);

    /// <summary>Formats the heading of the instructions of a symbol, or of those without one in a section.</summary>
    public static string CodeHeading(PSObject instruction) => InstructionText.Heading(View.Number(instruction, "Address"),
        View.Value(instruction, "Module") as string,
        View.Value(instruction, "DemangledSymbol") as string ?? View.Value(instruction, "Symbol") as string,
        View.Optional(instruction, "SymbolOffset"), View.Value(instruction, "Section") as string, $"{View.Value(instruction, "Path")}");

    /// <summary>Formats a block as a hex dump. A large one is cut off, with a line that says so.</summary>
    public static string Dump(PSObject block)
    {
        ulong address = View.Number(block, "Address");
        ulong length = View.Number(block, "Length");
        StringBuilder text = new();
        text.AppendLine(CultureInfo.InvariantCulture,
            $"Process {View.Process(View.Value(block, "ProcessId"), View.Value(block, "ProcessName"))}, {HumanSize.Format(length)} at 0x{address:x}");
        ulong[] pointers = LanguagePrimitives.ConvertTo<ulong[]>(View.Value(block, "Pointers")) ?? [];
        if (pointers.Length > 0)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"pointers: {string.Join(" -> ", pointers.Select(step => $"0x{step:x}"))}");
        }

        AppendDump(text, block, address);
        return text.ToString().TrimEnd('\n');
    }

    /// <summary>Marks a block, so that its dump shows equal lines, too.</summary>
    internal static PSObject WithAllLines(object? block)
    {
        PSObject marked = PSObject.AsPSObject(block);
        marked.Properties.Add(new PSNoteProperty(AllLines, true));
        return marked;
    }

    /// <summary>Formats a block of physical memory as a hex dump. A large one is cut off, with a line that says so.</summary>
    public static string PhysicalDump(PSObject block)
    {
        ulong address = View.Number(block, "PhysicalAddress");
        StringBuilder text = new();
        text.AppendLine(CultureInfo.InvariantCulture,
            $"Physical memory, {HumanSize.Format(View.Number(block, "Length"))} at 0x{address:x}");
        AppendDump(text, block, address);
        return text.ToString().TrimEnd('\n');
    }

    /// <summary>Formats a struct: its address and its fields.</summary>
    public static string Record(PSObject record)
    {
        StringBuilder text = new();
        text.AppendLine(CultureInfo.InvariantCulture,
            $"Process {View.Process(View.Value(record, "ProcessId"), View.Value(record, "ProcessName"))}, 0x{View.Number(record, "Address"):x}");
        MemoryLayout layout = MemoryLayout.Parse(LanguagePrimitives.ConvertTo<string>(View.Value(record, "Layout")));
        int width = layout.Fields.Max(field => field.Name.Length);
        foreach (MemoryField field in layout.Fields)
        {
            text.AppendLine(CultureInfo.InvariantCulture,
                $"  {SafeText.Escape(field.Name).PadRight(width)} : {Shown(View.Value(record, field.Name), field.Type)}");
        }

        return text.ToString().TrimEnd('\n');
    }

    /// <summary>Formats a watched value; <c>unreadable</c> where it cannot be read any more, a dash for null.</summary>
    /// <param name="value">The value, or null.</param>
    /// <param name="type">Its type.</param>
    /// <param name="gap">Why it cannot be read.</param>
    public static string Watched(object? value, string type, object? gap) =>
        gap is not null ? "unreadable" : value is null ? "-" : Shown(value, MemoryType.Parse(type));

    /// <summary>Formats one side of a difference: the value, or the first bytes where it has no type.</summary>
    public static string Compared(object? value, object? type, object? bytes) =>
        type is null ? Bytes(bytes) : value is null ? "-" : Shown(value, MemoryType.Parse($"{type}"));

    /// <summary>Marks a number as a pointer. It stays a number and is shown in hex.</summary>
    internal static PSObject AsPointer(ulong value) => Marked(value, PointerType);

    /// <summary>Marks a text as written by a process. It stays as it is and is shown without control characters.</summary>
    internal static PSObject AsText(string value) => Marked(value, TextType);

    /// <summary>Formats a value in one line. Values from a job have lost part of their types.</summary>
    private static string Shown(object? value, MemoryType type)
    {
        object? plain = InputValues.Unwrap(value);
        return ValueText.Format(plain is PSCustomObject ? value!.ToString() : plain is not (string or byte[] or MemoryBytes) and IEnumerable many
            ? many.Cast<object?>().Select(InputValues.Unwrap).ToArray()
            : plain, type);
    }

    private static PSObject Marked(object value, string type)
    {
        PSObject marked = new(value);
        marked.TypeNames.Insert(0, type);
        return marked;
    }

    /// <summary>Appends the lines of a block's hex dump.</summary>
    private static void AppendDump(StringBuilder text, PSObject block, ulong address)
    {
        ulong length = View.Number(block, "Length");
        byte[] bytes = LanguagePrimitives.ConvertTo<byte[]>(View.Value(block, "Bytes")) ?? [];
        ulong shown = bytes.Length == 0 ? length : Math.Min(length, MaxDumpBytes);
        IEnumerable<string> lines = HexDump.Lines(address, bytes, shown, Gaps(View.Value(block, "Gaps")));
        foreach (string line in LanguagePrimitives.IsTrue(View.Value(block, AllLines)) ? lines : HexDump.Fold(lines))
        {
            text.AppendLine(line);
        }

        if (shown < length)
        {
            text.AppendLine(CultureInfo.InvariantCulture,
                $"… {HumanSize.Format(length - shown)} more in the Bytes of the block");
        }
    }

    private static MemoryGap[] Gaps(object? gaps) => gaps is IEnumerable many
        ? [.. many.Cast<object>().Select(PSObject.AsPSObject).Select(gap => gap.BaseObject as MemoryGap
            ?? new MemoryGap(View.Number(gap, "Address"), View.Number(gap, "Length"),
                LanguagePrimitives.ConvertTo<MemoryGapKind>(View.Value(gap, "Kind")?.ToString()),
                LanguagePrimitives.ConvertTo<Errno>(View.Value(gap, "Errno")?.ToString())))]
        : [];
}
