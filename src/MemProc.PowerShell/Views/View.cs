using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Text;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>
/// What the views show. It takes plain values, so that objects from a remote host or a job, whose types are gone, look
/// the same.
/// </summary>
public static class View
{
    private const int LargestDump = 64 * 1024;
    private const int NarrowestPath = 8;
    private const int WidestPath = 120;

    /// <summary>A type name in front of a pointer's: shown in hex, a number otherwise.</summary>
    private const string PointerType = "MemProc.Pointer";

    /// <summary>A type name in front of a text's that a process wrote: shown without control characters.</summary>
    private const string TextType = "MemProc.Text";

    /// <summary>Bytes for people; nothing for null.</summary>
    public static string Size(object? bytes) =>
        bytes is null ? string.Empty : HumanSize.Format(LanguagePrimitives.ConvertTo<ulong>(bytes));

    /// <summary>A number in hex; nothing for null.</summary>
    public static string Hex(object? number) =>
        number is null ? string.Empty : $"0x{LanguagePrimitives.ConvertTo<ulong>(number):x}";

    /// <summary>An index in a table of the page table, with its offset in bytes; a dash where there is no such table.</summary>
    public static string TableIndex(object? index) => index is null
        ? "-"
        : string.Create(CultureInfo.InvariantCulture, $"{index} (0x{LanguagePrimitives.ConvertTo<int>(index) * 8:x})");

    /// <summary>A physical address, or the word for one that the kernel hid.</summary>
    public static string PhysicalAddress(object? address) =>
        address is null ? "hidden" : $"0x{LanguagePrimitives.ConvertTo<ulong>(address):x12}";

    /// <summary>A name below the names of what lies around it.</summary>
    public static string Indented(object? name, int depth) => new string(' ', 2 * depth) + Text(name);

    /// <summary>Text that a process chose, safe for the terminal.</summary>
    public static string Text(object? text) =>
        text is null ? string.Empty : SafeText.Escape(LanguagePrimitives.ConvertTo<string>(text));

    /// <summary>The same, shortened in the middle to what a line of the screen leaves.</summary>
    /// <param name="path">The path.</param>
    /// <param name="width">Columns that are left; a screen of unknown width counts as wide.</param>
    public static string Path(object? path, int width) =>
        SafeText.ShortenMiddle(Text(path), width > 0 ? Math.Max(width, NarrowestPath) : WidestPath);

    /// <summary>The heading of a group: id and name.</summary>
    public static string Process(object? id, object? name) => $"{id} ({Text(name)})";

    /// <summary>The heading of an image in a process.</summary>
    public static string Image(object? path, object? id, object? name) => $"{Text(path)} in {Process(id, name)}";

    /// <summary>The first characters of a text, such as those of a fingerprint that a person compares.</summary>
    public static string Start(object? text, int length) =>
        Text(text) is { } shown && shown.Length > length ? shown[..length] : Text(text);

    /// <summary>The heading of a measurement: id and name, how, and how long.</summary>
    public static string Measured(object? id, object? name, object? method, object? seconds) => string.Create(
        CultureInfo.InvariantCulture, $"{Process(id, name)}, {method}, {LanguagePrimitives.ConvertTo<double>(seconds):0.0} s");

    /// <summary>Names in one line.</summary>
    public static string Names(object? names) =>
        names is IEnumerable many and not string ? string.Join(',', many.Cast<object>()) : Text(names);

    /// <summary>Where a page is, by its word of pagemap.</summary>
    public static string PagePlace(object? raw) =>
        raw is null ? string.Empty : new PageMapWord(LanguagePrimitives.ConvertTo<ulong>(raw)).Place;

    /// <summary>A page's frame: its number, that the kernel hid it, or that there is none.</summary>
    public static string Frame(object? pfn, object? isHidden) =>
        pfn is not null ? Hex(pfn) : LanguagePrimitives.IsTrue(isHidden) ? "hidden" : "-";

    /// <summary>Where an entry of a page table leads: a physical address, a place in swap, or nowhere.</summary>
    public static string EntryPlace(object? physicalAddress, object? swapType, object? swapOffset) =>
        physicalAddress is not null ? Hex(physicalAddress)
        : swapType is not null ? $"swap {swapType}:{Hex(swapOffset)}"
        : "-";

    /// <summary>Names in one line, with little between them.</summary>
    public static string Words(object? names) =>
        names is IEnumerable many and not string ? string.Join(' ', many.Cast<object>()) : Text(names);

    /// <summary>Bytes for people where null means that the kernel did not tell.</summary>
    public static string SizeOrUnknown(object? bytes) => bytes is null ? "unknown" : Size(bytes);

    /// <summary>A mapping's path, with the mark of a file that is gone.</summary>
    public static string MapPath(object? path, object? isDeleted, int width) =>
        Path(LanguagePrimitives.IsTrue(isDeleted) ? $"{path} (deleted)" : path, width);

    /// <summary>Bytes in a line: the first ones in hex and as characters.</summary>
    public static string Bytes(object? bytes) =>
        LanguagePrimitives.ConvertTo<byte[]>(bytes) is { Length: > 0 } some ? ByteText.Short(some) : string.Empty;

    /// <summary>A match in a few words: a number, or the first bytes.</summary>
    public static string Match(PSObject match)
    {
        object? type = Value(match, "Type");
        return MatchText.Describe(
            LanguagePrimitives.ConvertTo<byte[]>(Value(match, "Bytes")) ?? [], type?.ToString() == nameof(MemoryValueType.Pointer),
            type is null ? null : Value(match, "Value"), Value(match, "PreviousValue"));
    }

    /// <summary>A match with what lies around it, as a dump.</summary>
    public static string MatchInContext(PSObject match)
    {
        byte[] bytes = LanguagePrimitives.ConvertTo<byte[]>(Value(match, "ContextBytes")) ?? [];
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"0x{Number(match, "Address"):x12} {Value(match, "Permissions")} ")
            .Append(CultureInfo.InvariantCulture, $"{HumanSize.Format(Number(match, "Length"))}, process ")
            .Append(Process(Value(match, "ProcessId"), Value(match, "ProcessName")))
            .AppendLine($" {Text(Value(match, "Path"))}".TrimEnd());
        foreach (string line in HexDump.Lines(Number(match, "ContextAddress"), bytes, (ulong)bytes.Length, []))
        {
            text.AppendLine(line);
        }

        return text.ToString().TrimEnd('\n');
    }

    /// <summary>A block as a dump. A large one is cut off with a line that says so.</summary>
    public static string Dump(PSObject block)
    {
        ulong address = Number(block, "Address");
        ulong length = Number(block, "Length");
        byte[] bytes = LanguagePrimitives.ConvertTo<byte[]>(Value(block, "Bytes")) ?? [];
        MemoryGap[] gaps = Gaps(Value(block, "Gaps"));
        ulong shown = bytes.Length == 0 ? length : Math.Min(length, LargestDump);
        StringBuilder text = new();
        text.AppendLine(CultureInfo.InvariantCulture,
            $"Process {Process(Value(block, "ProcessId"), Value(block, "ProcessName"))}, {HumanSize.Format(length)} at 0x{address:x}");
        ulong[] pointers = LanguagePrimitives.ConvertTo<ulong[]>(Value(block, "Pointers")) ?? [];
        if (pointers.Length > 0)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"by {string.Join(" -> ", pointers.Select(step => $"0x{step:x}"))}");
        }

        foreach (string line in HexDump.Lines(address, bytes, shown, gaps))
        {
            text.AppendLine(line);
        }

        if (shown < length)
        {
            text.AppendLine(CultureInfo.InvariantCulture,
                $"… {HumanSize.Format(length - shown)} more in the block's Bytes");
        }

        return text.ToString().TrimEnd('\n');
    }

    /// <summary>A struct: where it lies, and its fields.</summary>
    public static string Record(PSObject record)
    {
        StringBuilder text = new();
        text.AppendLine(CultureInfo.InvariantCulture,
            $"Process {Process(Value(record, "ProcessId"), Value(record, "ProcessName"))}, 0x{Number(record, "Address"):x}");
        MemoryLayout layout = MemoryLayout.Parse(LanguagePrimitives.ConvertTo<string>(Value(record, "Layout")));
        int width = layout.Fields.Max(field => field.Name.Length);
        foreach (MemoryField field in layout.Fields)
        {
            text.AppendLine(CultureInfo.InvariantCulture,
                $"  {SafeText.Escape(field.Name).PadRight(width)} : {Shown(Value(record, field.Name), field.Type)}");
        }

        return text.ToString().TrimEnd('\n');
    }

    /// <summary>A value that was watched; a word where it cannot be read any more, a dash where there was none.</summary>
    /// <param name="value">The value, or null.</param>
    /// <param name="type">What it is, as its change says.</param>
    /// <param name="gap">Why it cannot be read.</param>
    public static string Watched(object? value, string type, object? gap) =>
        gap is not null ? "unreadable" : value is null ? "-" : Shown(value, MemoryType.Parse(type));

    /// <summary>Marks a number as a pointer: it stays a number and is shown in hex.</summary>
    internal static PSObject AsPointer(ulong value) => Marked(value, PointerType);

    /// <summary>Marks a text as written by a process: it stays as it is and is shown safely.</summary>
    internal static PSObject AsText(string value) => Marked(value, TextType);

    /// <summary>A value in one line; what came from a job has lost some of its type.</summary>
    private static string Shown(object? value, MemoryType type)
    {
        object? plain = Items.Unwrap(value);
        return ValueText.Format(plain is PSCustomObject ? value!.ToString() : plain is not (string or byte[]) and IEnumerable many
            ? many.Cast<object?>().Select(Items.Unwrap).ToArray()
            : plain, type);
    }

    private static PSObject Marked(object value, string type)
    {
        PSObject marked = new(value);
        marked.TypeNames.Insert(0, type);
        return marked;
    }

    private static object? Value(PSObject item, string property) => item.Properties[property]?.Value;

    private static ulong Number(PSObject item, string property) =>
        LanguagePrimitives.ConvertTo<ulong>(Value(item, property));

    private static MemoryGap[] Gaps(object? gaps) => gaps is IEnumerable many
        ? [.. many.Cast<object>().Select(PSObject.AsPSObject).Select(gap => gap.BaseObject as MemoryGap
            ?? new MemoryGap(Number(gap, "Address"), Number(gap, "Length"),
                LanguagePrimitives.ConvertTo<MemoryGapKind>(Value(gap, "Kind")?.ToString()),
                LanguagePrimitives.ConvertTo<Errno>(Value(gap, "Errno")?.ToString())))]
        : [];
}
