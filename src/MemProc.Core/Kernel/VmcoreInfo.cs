using System.Globalization;
using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// The kernel's notes for readers of its memory (vmcoreinfo, <c>Documentation/admin-guide/kdump/vmcoreinfo.rst</c>):
/// addresses of a few variables, and numbers that BTF does not have.
/// </summary>
internal sealed class VmcoreInfo
{
    private const int MaxBytes = 64 * 1024;

    /// <summary>An ELF note has a header of three numbers, then its name, then the text.</summary>
    private const int NoteHeaderBytes = 12;

    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    private VmcoreInfo()
    {
    }

    /// <summary>
    /// Reads the notes. They are empty where the kernel has none (CONFIG_VMCORE_INFO), or this user may not read where they
    /// are.
    /// </summary>
    /// <param name="reader">The kernel's memory.</param>
    public static VmcoreInfo Read(KernelReader reader)
    {
        VmcoreInfo info = new();
        string text;
        try
        {
            // "physical address size", the size in hex without 0x.
            text = File.ReadAllText($"{reader.Files.Sys}/kernel/vmcoreinfo");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return info;
        }

        string[] words = text.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        if (words is [['0', 'x', .. var address], var size]
            && ulong.TryParse(address, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong physical)
            && int.TryParse(size, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int length)
            && length is > NoteHeaderBytes and <= MaxBytes)
        {
            byte[] note = new byte[length];
            if (reader.TryRead(reader.PageTables.DirectMap + physical, note) == Errno.None)
            {
                info.Parse(note);
            }
        }

        return info;
    }

    /// <summary>Returns the address of a variable; null if the notes do not have it.</summary>
    public ulong? Symbol(string name) => Number($"SYMBOL({name})", isHex: true);

    /// <summary>Returns a number; null if the notes do not have it.</summary>
    public ulong? Number(string name) => Number($"NUMBER({name})", isHex: false);

    /// <summary>Returns the length of an array; null if the notes do not have it.</summary>
    public ulong? Length(string name) => Number($"LENGTH({name})", isHex: false);

    /// <summary>Returns a value without a kind, which is in hex: KERNELOFFSET; null if the notes do not have it.</summary>
    public ulong? Hex(string name) => Number(name, isHex: true);

    private ulong? Number(string key, bool isHex)
    {
        if (!_values.TryGetValue(key, out string? text))
        {
            return null;
        }

        bool hasPrefix = text.StartsWith("0x", StringComparison.Ordinal);
        if (!isHex && !hasPrefix && long.TryParse(text, CultureInfo.InvariantCulture, out long number))
        {
            return (ulong)number;
        }

        return ulong.TryParse(hasPrefix ? text[2..] : text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture,
            out ulong value) ? value : null;
    }

    private void Parse(ReadOnlySpan<byte> note)
    {
        uint nameBytes = BitConverter.ToUInt32(note), textBytes = BitConverter.ToUInt32(note[4..]);
        ulong start = NoteHeaderBytes + ((nameBytes + 3UL) & ~3UL);
        if (start + textBytes > (ulong)note.Length)
        {
            return;
        }

        foreach (string line in Encoding.ASCII.GetString(note.Slice((int)start, (int)textBytes)).Split('\n'))
        {
            int equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
            {
                _values.TryAdd(line[..equals], line[(equals + 1)..].TrimEnd('\0'));
            }
        }
    }
}
