using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Text;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>
/// Formats values for the views. It takes plain values, so that objects from a remote host or a job, which have lost
/// their types, look the same.
/// </summary>
public static class View
{
    private const int MinPathWidth = 8;

    /// <summary>Width of the screen where the host has none, which is PowerShell's own.</summary>
    private const int DefaultWidth = 120;

    /// <summary>Formats a size; an empty text for null.</summary>
    public static string Size(object? bytes) =>
        bytes is null ? string.Empty : HumanSize.Format(LanguagePrimitives.ConvertTo<ulong>(bytes));

    /// <summary>
    /// Formats bytes in use and their limit: <c>1.2 GiB of 2 GiB</c>, <c>1.2 GiB of unlimited</c> for the largest number.
    /// </summary>
    public static string SizeOf(object? bytes, object? limit) => (bytes, limit) switch
    {
        (null, null) => string.Empty,
        (_, null) => Size(bytes),
        (null, _) => $"? of {Limit(limit)}",
        _ => $"{Size(bytes)} of {Limit(limit)}",
    };

    /// <summary>Formats a limit in bytes; <c>unlimited</c> for the largest number, an empty text for null.</summary>
    public static string Limit(object? bytes) =>
        bytes is not null && LanguagePrimitives.ConvertTo<ulong>(bytes) == ulong.MaxValue ? "unlimited" : Size(bytes);

    /// <summary>Formats a number in hex; an empty text for null.</summary>
    public static string Hex(object? number) =>
        number is null ? string.Empty : $"0x{LanguagePrimitives.ConvertTo<ulong>(number):x}";

    /// <summary>Formats an index in a page table with its offset in bytes; a dash where there is no such table.</summary>
    public static string TableIndex(object? index) => index is null
        ? "-"
        : string.Create(CultureInfo.InvariantCulture, $"{index} (0x{LanguagePrimitives.ConvertTo<int>(index) * 8:x})");

    /// <summary>Formats a physical address; <c>hidden</c> where the kernel hides it.</summary>
    public static string PhysicalAddress(object? address) =>
        address is null ? "hidden" : $"0x{LanguagePrimitives.ConvertTo<ulong>(address):x12}";

    /// <summary>Indents a name by its depth in a tree.</summary>
    public static string Indented(object? name, int depth) => new string(' ', 2 * depth) + Text(name);

    /// <summary>Formats a text from a process, safe for the terminal.</summary>
    public static string Text(object? text) =>
        text is null ? string.Empty : SafeText.Escape(LanguagePrimitives.ConvertTo<string>(text));

    /// <summary>Formats a path, shortened in the middle to the width of the last column.</summary>
    /// <param name="path">The path.</param>
    /// <param name="host">
    /// The host, whose screen has the width. A view that reads it in script takes tens of milliseconds longer the first time.
    /// </param>
    /// <param name="used">Characters before the column.</param>
    public static string Path(object? path, PSHost? host, int used) => SafeText.ShortenMiddle(
        Text(path), Math.Max((ScreenWidth(host) is > 0 and int width ? width : DefaultWidth) - used, MinPathWidth));

    /// <summary>Formats a path or name, shortened in the middle to a number of characters.</summary>
    public static string Short(object? text, int width) => SafeText.ShortenMiddle(Text(text), width);

    /// <summary>Formats a process for a heading: id and name.</summary>
    public static string Process(object? id, object? name) => $"{id} ({Text(name)})";

    /// <summary>Formats an image in a process for a heading.</summary>
    public static string Image(object? path, object? id, object? name) => $"{Text(path)} in {Process(id, name)}";

    /// <summary>Returns the first characters of a text, such as a hash.</summary>
    public static string Start(object? text, int length) =>
        Text(text) is { } shown && shown.Length > length ? shown[..length] : Text(text);

    /// <summary>Formats a measurement for a heading: process, method and duration.</summary>
    public static string Measured(object? id, object? name, object? method, object? seconds) => string.Create(
        CultureInfo.InvariantCulture, $"{Process(id, name)}, {method}, {LanguagePrimitives.ConvertTo<double>(seconds):0.0} s");

    /// <summary>Formats items one below the other, without control characters.</summary>
    public static string Lines(object? items) => items is IEnumerable many and not string
        ? string.Join('\n', many.Cast<object?>().Select(Text))
        : Text(items);

    /// <summary>Formats sentences for the last column of a table, with line breaks between words.</summary>
    /// <inheritdoc cref="Path" path="/param"/>
    public static string Sentences(object? text, PSHost? host, int used)
    {
        int width = (ScreenWidth(host) is > 0 and int screen ? screen : DefaultWidth) - used - 1;
        StringBuilder result = new();
        int length = 0;
        foreach (string word in Text(text).Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            bool breaks = length > 0 && length + 1 + word.Length > width;
            result.Append(length == 0 ? string.Empty : breaks ? "\n" : " ").Append(word);
            length = (length == 0 || breaks ? 0 : length + 1) + word.Length;
        }

        return result.ToString();
    }

    /// <summary>Formats a yes or no.</summary>
    public static string Answer(object? isTrue) => LanguagePrimitives.IsTrue(isTrue) ? "yes" : "no";

    /// <summary>Formats names in one line, with commas.</summary>
    public static string Names(object? names) =>
        names is IEnumerable many and not string ? string.Join(',', many.Cast<object>()) : Text(names);

    /// <summary>Formats what backs a page, by its pagemap entry.</summary>
    public static string PageLocation(object? raw) =>
        raw is null ? string.Empty : new RawPageMapEntry(LanguagePrimitives.ConvertTo<ulong>(raw)).Location;

    /// <summary>Formats the frame of a page: its number, <c>hidden</c>, or a dash where there is none.</summary>
    public static string Frame(object? pfn, object? isHidden) =>
        pfn is not null ? Hex(pfn) : LanguagePrimitives.IsTrue(isHidden) ? "hidden" : "-";

    /// <summary>Formats the target of a page table entry: a physical address, a swap slot, or a dash.</summary>
    public static string EntryLocation(object? physicalAddress, object? swapType, object? swapOffset) =>
        physicalAddress is not null ? Hex(physicalAddress)
        : swapType is not null ? $"swap {swapType}:{Hex(swapOffset)}"
        : "-";

    /// <summary>Formats the number of processes that share pages; <c>1+</c> where others share some that were not read.</summary>
    public static string Sharers(int count, object? unseenPages) =>
        LanguagePrimitives.IsTrue(unseenPages) ? $"{count}+" : $"{count}";

    /// <summary>Formats names in one line, with blanks.</summary>
    public static string Words(object? names) =>
        names is IEnumerable many and not string ? string.Join(' ', many.Cast<object>()) : Text(names);

    /// <summary>
    /// Formats the flags of a page table entry: those of the processor first, which are the first line of a narrow column,
    /// then the kernel's own, which have longer names.
    /// </summary>
    public static string EntryFlags(object? names)
    {
        const int MaxProcessorName = 4;
        return names is IEnumerable many and not string
            ? string.Join(' ', many.Cast<object>().Select(name => $"{name}").OrderBy(name => name.Length > MaxProcessorName))
            : Text(names);
    }

    /// <summary>Formats a size; <c>unknown</c> for null.</summary>
    public static string SizeOrUnknown(object? bytes) => bytes is null ? "unknown" : Size(bytes);

    /// <summary>Formats what a process has alone, what it shares, and a line for each process that it shares with.</summary>
    public static string SharingSummary(PSObject summary)
    {
        StringBuilder text = new();
        text.AppendLine($"Process {Process(Value(summary, "ProcessId"), Value(summary, "ProcessName"))}");
        foreach ((string label, string property) in ((string, string)[])
        [
            ("own (Uss)", "UssBytes"), ("shared", "SharedBytes"), ("Pss", "PssBytes"), ("in memory (Rss)", "RssBytes"),
        ])
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  {label,-16}{Size(Value(summary, property)),10}");
        }

        if (Value(summary, "UnseenSharedBytes") is { } unseen && LanguagePrimitives.ConvertTo<ulong>(unseen) > 0)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  {"with unread",-16}{Size(unseen),10}  processes that were not read");
        }

        foreach (PSObject sharer in InputValues.Unwrap(Value(summary, "SharedWith")) is IEnumerable many ? many.Cast<object>().Select(PSObject.AsPSObject) : [])
        {
            // From a remote host, each is a text.
            text.AppendLine(Value(sharer, "SizeBytes") is { } bytes
                ? $"  {"shared with",-16}{Size(bytes),10}  {Process(Value(sharer, "ProcessId"), Value(sharer, "ProcessName"))}"
                : $"  {"shared with",-16}{string.Empty,10}  {Text(sharer)}");
        }

        return text.ToString().TrimEnd('\n');
    }

    /// <summary>Formats whom a page frame belongs to.</summary>
    /// <param name="path">Path of its file.</param>
    /// <param name="fileSystem">Type of the file system.</param>
    /// <param name="inode">Inode of its file.</param>
    /// <param name="offset">Offset in the file.</param>
    /// <param name="slab">Its slab cache.</param>
    /// <param name="cgroup">Its cgroup.</param>
    public static string FrameOwner(
        object? path, object? fileSystem, object? inode, object? offset, object? slab, object? cgroup) =>
        path is not null ? $"{Text(path)}+{Hex(offset)}"
        : inode is not null ? $"{Text(fileSystem)} inode {inode}+{Hex(offset)}"
        : slab is not null ? Text(slab)
        : cgroup is not null ? $"cgroup {Text(cgroup)}"
        : string.Empty;

    /// <summary>Formats a level of page tables: <c>PGD shift 39, 512 entries</c>.</summary>
    public static string Level(PSObject level) => string.Create(CultureInfo.InvariantCulture,
        $"{Value(level, "Level")} shift {Value(level, "Shift")}, {Value(level, "EntryCount")} entries of ")
        + Size(Value(level, "CoveredBytes"));

    /// <summary>Formats what differs in an image: place and bytes, relocations, or what is known of the file.</summary>
    public static string ImageDifference(PSObject difference)
    {
        string kind = $"{Value(difference, "Kind")}";
        if (kind != nameof(ImageDifferenceKind.Content))
        {
            return kind switch
            {
                nameof(ImageDifferenceKind.FileReplaced) => ViewStyle.Notice("another file has the path"),
                nameof(ImageDifferenceKind.FileDeleted) => ViewStyle.Notice("the file was deleted"),
                _ => $"not compared: {Text(Value(difference, "Reason"))}",
            };
        }

        string place = Value(difference, "Symbol") is string symbol
            ? $"{Text(symbol)}{(Optional(difference, "SymbolOffset") is > 0 and ulong offset ? $"+0x{offset:x}" : string.Empty)}"
            : string.Empty;
        string target = Value(difference, "Target") is string leads ? $" -> {Text(leads)}" : string.Empty;
        string relocation = Value(difference, "Relocation") is string some ? $" {Text(some)}{target}" : string.Empty;
        bool isExplained = $"{Value(difference, "Explanation")}" != nameof(ImageExplanation.None);
        return (isExplained ? $"{place}{relocation}"
            : $"{place}{relocation} {MemoryView.Bytes(Value(difference, "PreviousBytes"))} -> {MemoryView.Bytes(Value(difference, "Bytes"))}").Trim();
    }

    /// <summary>Returns the width of the screen in characters; 0 where the host has none.</summary>
    internal static int ScreenWidth(PSHost? host)
    {
        try
        {
            return host?.UI?.RawUI?.WindowSize.Width ?? 0;
        }
        catch (Exception error) when (error is RuntimeException or NotImplementedException or InvalidOperationException or IOException)
        {
            // A host without a screen does not implement it.
            return 0;
        }
    }

    internal static object? Value(PSObject item, string property) => item.Properties[property]?.Value;

    internal static ulong? Optional(PSObject item, string property) =>
        Value(item, property) is object value ? LanguagePrimitives.ConvertTo<ulong>(value) : null;

    internal static ulong Number(PSObject item, string property) =>
        LanguagePrimitives.ConvertTo<ulong>(Value(item, property));
}
