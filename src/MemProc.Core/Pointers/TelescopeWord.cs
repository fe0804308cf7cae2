using System.Globalization;
using System.Text;

namespace MemProc;

/// <summary>A word of memory, and what it points to.</summary>
public sealed class TelescopeWord : ProcessOutput
{
    internal TelescopeWord(ProcessIdentity process, ulong address, ulong offset)
    {
        Process = process;
        Address = address;
        Offset = offset;
    }

    /// <summary>Address of the word.</summary>
    public ulong Address { get; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string AddressHex => HexText.Of(Address);

    /// <summary>Bytes from the first word.</summary>
    public ulong Offset { get; }

    /// <summary><see cref="Offset"/> in hex.</summary>
    public string OffsetHex => HexText.Of(Offset);

    /// <summary>Its value; null where it cannot be read.</summary>
    public ulong? Number { get; init; }

    /// <summary><see cref="Number"/> in hex.</summary>
    public string? NumberHex => HexText.Of(Number);

    /// <summary>The bytes of the word as text, where they are no pointer and all printable; else null.</summary>
    public string? Text { get; init; }

    /// <summary>
    /// What it points to, what is pointed to from there, and so on; empty where nothing is mapped at its value.
    /// </summary>
    public required OutputList<TelescopeStop> Chain { get; init; }

    /// <summary>Why it cannot be read; null where it can.</summary>
    public MemoryGap? Gap { get; init; }

    /// <summary>
    /// The value and the chain in one line: <c>0x55d0c0de1139 (game!main) -> …</c>. It contains no control characters.
    /// </summary>
    public string Description
    {
        get
        {
            if (Number is not ulong number)
            {
                return Gap is null ? "not readable" : SafeText.Escape(Gap.Describe());
            }

            StringBuilder line = new();
            if (Chain.Count == 0)
            {
                line.Append(CultureInfo.InvariantCulture, $"0x{number:x}").Append(Text is null ? string.Empty : $" \"{Text}\"");
            }

            for (int index = 0; index < Chain.Count; index++)
            {
                line.Append(index == 0 ? string.Empty : " -> ").Append(Chain[index]);
            }

            return SafeText.Escape(line.Append(Chain.Count == 0 ? string.Empty : Chain[^1].Ending).ToString());
        }
    }

    internal override ProcessIdentity Process { get; }

    /// <summary>Address and description.</summary>
    public override string ToString() => $"0x{Address:x} {Description}";
}

/// <summary>An address that a pointer holds.</summary>
public sealed record TelescopeStop
{
    /// <summary>The address.</summary>
    public required ulong Address { get; init; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string AddressHex => HexText.Of(Address);

    /// <summary>What it belongs to: <c>libc.so.6!malloc+0x12</c>, <c>[heap]+0x10</c>.</summary>
    public string? Location { get; init; }

    /// <summary>Permissions of its mapping: <c>rw-p</c>.</summary>
    public required string Permissions { get; init; }

    /// <summary>The text there; null where there is none. It is as the process has it.</summary>
    public string? Text { get; init; }

    /// <summary>
    /// The word there; null where it was not read: after the last stop, in code, and where a page is not in memory.
    /// </summary>
    public ulong? Number { get; init; }

    /// <summary><see cref="Number"/> in hex.</summary>
    public string? NumberHex => HexText.Of(Number);

    /// <summary>The chain has been here before.</summary>
    public bool IsCycle { get; init; }

    /// <summary>Why the word could not be read; null where it was not tried, or was read.</summary>
    public MemoryGapKind? GapKind { get; init; }

    /// <summary>What the chain ends with, where this is its last stop.</summary>
    internal string Ending => IsCycle ? " (cycle)"
        : Text is not null ? $" \"{Text}\""
        : Number is ulong number ? string.Create(CultureInfo.InvariantCulture, $" = 0x{number:x}")
        : GapKind switch
        {
            null => string.Empty,
            MemoryGapKind.NotResident => " (not in memory)",
            MemoryGapKind.NotSaved => " (not in the core)",
            MemoryGapKind.Userfault => " (not supplied)",
            _ => " (not readable)",
        };

    /// <summary>Address and location.</summary>
    public override string ToString() => SafeText.Escape(
        $"0x{Address:x} ({(string.IsNullOrEmpty(Location) ? Permissions : Location)})");
}
