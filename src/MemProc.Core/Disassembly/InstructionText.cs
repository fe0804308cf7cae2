using System.Globalization;
using System.Text;

namespace MemProc;

/// <summary>Formats instructions as lines below headings, as objdump does. It takes plain values, for views.</summary>
public static class InstructionText
{
    /// <summary>Bytes of an instruction that fit a column of usual width.</summary>
    private const int ColumnBytes = 7;

    /// <summary>Characters of the mnemonic with its prefixes, as objdump pads it.</summary>
    private const int MnemonicWidth = 6;

    /// <summary>Formats the heading of the instructions of a symbol, or of those without one in a section.</summary>
    /// <param name="address">Address of an instruction.</param>
    /// <param name="module">Name of the file in a process; null where there is none.</param>
    /// <param name="symbol">The symbol; null where there is none.</param>
    /// <param name="symbolOffset">Bytes from the start of the symbol.</param>
    /// <param name="section">The section; null where there is none.</param>
    /// <param name="path">The path of the file, or name of the mapping.</param>
    public static string Heading(
        ulong address, string? module, string? symbol, ulong? symbolOffset, string? section, string path)
    {
        string file = module ?? path;
        string text = symbol is not null
            ? $"{address - (symbolOffset ?? 0):x16} <{(module is null ? string.Empty : $"{module}!")}{symbol}>:"
            : section is not null ? $"{file}, section {section}:"
            : file.Length > 0 ? $"{file}:"
            : "Anonymous memory:";
        return SafeText.Escape(text);
    }

    /// <summary>Formats the heading of an instruction.</summary>
    public static string Heading(MachineInstruction instruction) => Heading(instruction.Address,
        (instruction as ProcInstruction)?.Module, instruction.DemangledSymbol ?? instruction.Symbol, instruction.SymbolOffset,
        instruction.Section, instruction.Path);

    /// <summary>Formats an instruction.</summary>
    /// <param name="address">Its address.</param>
    /// <param name="bytes">Its bytes.</param>
    /// <param name="prefix">Its prefixes.</param>
    /// <param name="mnemonic">Its name.</param>
    /// <param name="operands">Its operands.</param>
    /// <param name="target">The address that it refers to; null where there is none.</param>
    /// <param name="targetSymbol">The symbol there; null where there is none.</param>
    public static string Line(
        ulong address, byte[] bytes, string prefix, string mnemonic, string operands, ulong? target, string? targetSymbol)
    {
        StringBuilder line = new();
        line.Append(CultureInfo.InvariantCulture, $"{address,8:x}:  ").Append(Bytes(bytes).PadRight(3 * ColumnBytes)).Append(' ')
            .Append(prefix).Append(prefix.Length > 0 ? " " : string.Empty)
            .Append(operands.Length > 0 ? mnemonic.PadRight(MnemonicWidth) : mnemonic)
            .Append(operands.Length > 0 ? " " : string.Empty).Append(operands);
        if (target is ulong known)
        {
            // A branch shows the address itself; one that is relative to the instruction follows in a comment.
            string number = $"0x{known:x}";
            line.Append(operands.EndsWith(number, StringComparison.Ordinal) ? string.Empty : $"  # {number}");
        }

        return SafeText.Escape(line.Append(targetSymbol is null ? string.Empty : $" <{targetSymbol}>").ToString());
    }

    /// <summary>Formats an instruction as a line.</summary>
    public static string Line(MachineInstruction instruction) => Line(instruction.Address, instruction.Bytes, instruction.Prefix,
        instruction.Mnemonic, instruction.Operands, instruction.Target, instruction.TargetSymbol);

    /// <summary>Formats bytes in hex, with blanks.</summary>
    public static string Bytes(byte[] bytes) =>
        string.Join(' ', bytes.Select(value => value.ToString("x2", CultureInfo.InvariantCulture)));
}
