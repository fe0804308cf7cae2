using Iced.Intel;

namespace MemProc;

/// <summary>
/// Writes instructions as objdump does. The library writes some names in another way; they are replaced here, so that a
/// name that objdump shows can be searched for.
/// </summary>
internal sealed class InstructionFormatter
{
    /// <summary>Different operands that are kept, so that equal ones share a text.</summary>
    private const int MaxTexts = 4096;

    private readonly Formatter _formatter;
    private readonly TextOutput _output = new();
    private readonly bool _isAtt;
    private readonly int _bits;
    private readonly Dictionary<string, string>.AlternateLookup<ReadOnlySpan<char>> _texts =
        new Dictionary<string, string>().GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Prepares to write instructions.</summary>
    /// <param name="syntax">How.</param>
    /// <param name="bits">16, 32 or 64: the kind of code.</param>
    public InstructionFormatter(AssemblySyntax syntax, int bits)
    {
        _isAtt = syntax == AssemblySyntax.Att;
        _bits = bits;
        _formatter = _isAtt ? new GasFormatter() : new IntelFormatter();
        FormatterOptions options = _formatter.Options;
        options.HexPrefix = "0x";
        options.HexSuffix = null;
        options.UppercaseHex = false;
        options.SmallHexNumbersInDecimal = false;
        options.BranchLeadingZeros = false;
        options.LeadingZeros = false;
        options.RipRelativeAddresses = true;
        options.ShowBranchSize = false;
        options.MemorySizeOptions = MemorySizeOptions.Always;
        options.UppercaseKeywords = !_isAtt;
    }

    /// <summary>Returns the prefixes that have an effect.</summary>
    public string Prefix(in Instruction instruction)
    {
        if (!instruction.HasLockPrefix && !instruction.HasRepPrefix && !instruction.HasRepnePrefix
            && !instruction.HasXacquirePrefix && !instruction.HasXreleasePrefix && instruction.SegmentPrefix == Register.None)
        {
            return string.Empty;
        }

        _output.Clear();
        _formatter.FormatMnemonic(instruction, _output, FormatMnemonicOptions.NoMnemonic);
        string text = Shared(_output.Text.Trim());
        // A return with a prefix for the branch predictor of old processors.
        return text == "rep" && instruction.Mnemonic is Mnemonic.Ret ? "repz" : text;
    }

    /// <summary>Returns the name.</summary>
    public string Name(in Instruction instruction)
    {
        if (instruction.IsInvalid)
        {
            return "(bad)";
        }

        _output.Clear();
        _formatter.FormatMnemonic(instruction, _output, FormatMnemonicOptions.NoPrefixes);
        return Renamed(instruction, Shared(_output.Text));
    }

    /// <summary>Returns the operands.</summary>
    public string Operands(in Instruction instruction)
    {
        // Some instructions have operands only in the text: xchg %ax,%ax.
        if (instruction.IsInvalid)
        {
            return string.Empty;
        }

        _output.Clear();
        // Without an index there is no scale to show.
        _formatter.Options.AlwaysShowScale = instruction.MemoryIndex != Register.None;
        _formatter.FormatAllOperands(instruction, _output);
        return Shared(_output.Text);
    }

    private string Renamed(in Instruction instruction, string name) => _isAtt ? Att(instruction, name) : Intel(instruction, name);

    /// <summary>
    /// Removes the suffix of a size that is the usual one, from instructions about the stack and about far addresses.
    /// </summary>
    private string Att(in Instruction instruction, string name)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Call or Mnemonic.Jmp or Mnemonic.Push or Mnemonic.Pop or Mnemonic.Ret:
                char usual = name.StartsWith('l') ? _bits == 16 ? 'w' : 'l' : _bits switch { 64 => 'q', 32 => 'l', _ => 'w' };
                int plainLength = instruction.Mnemonic is Mnemonic.Call or Mnemonic.Push ? 4 : 3;
                return name.TrimStart('l').Length > plainLength && name[^1] == usual ? name[..^1] : name;
            case Mnemonic.Iretd when _bits != 16:
            case Mnemonic.Iret when _bits == 16:
                return "iret";
            case Mnemonic.Sal:
                return "shl" + name[3..];
            default:
                return name;
        }
    }

    /// <summary>
    /// Removes sizes that the operands show, and writes <c>far</c> as objdump does.
    /// </summary>
    private string Intel(in Instruction instruction, string name)
    {
        if (instruction.IsStringInstruction && name is [.., 'b' or 'w' or 'd' or 'q'])
        {
            return name[..^1];
        }

        return instruction.Mnemonic switch
        {
            Mnemonic.Mov when IsLongMove(instruction) => "movabs",
            Mnemonic.Sal => "shl",
            Mnemonic.Pushfq when _bits == 64 => "pushf",
            Mnemonic.Popfq when _bits == 64 => "popf",
            Mnemonic.Pushfd when _bits == 32 => "pushf",
            Mnemonic.Popfd when _bits == 32 => "popf",
            Mnemonic.Iretd when _bits != 16 => "iret",
            _ when name.EndsWith(" far", StringComparison.OrdinalIgnoreCase) => name[..^4] == "ret" ? "retf" : name[..^4],
            _ => name,
        };
    }

    private static bool IsLongMove(in Instruction instruction) => instruction.Code is Code.Mov_r64_imm64
        or Code.Mov_AL_moffs8 or Code.Mov_AX_moffs16 or Code.Mov_EAX_moffs32 or Code.Mov_RAX_moffs64
        or Code.Mov_moffs8_AL or Code.Mov_moffs16_AX or Code.Mov_moffs32_EAX or Code.Mov_moffs64_RAX
        && instruction.CodeSize == CodeSize.Code64;

    /// <summary>Returns the text that equal ones share, as far as that pays.</summary>
    private string Shared(ReadOnlySpan<char> text)
    {
        if (_texts.TryGetValue(text, out string? known))
        {
            return known;
        }

        string created = text.ToString();
        if (_texts.Dictionary.Count < MaxTexts)
        {
            _texts.Dictionary[created] = created;
        }

        return created;
    }

    /// <summary>Collects what the library writes.</summary>
    private sealed class TextOutput : FormatterOutput
    {
        private char[] _characters = new char[256];
        private int _length;

        public ReadOnlySpan<char> Text => _characters.AsSpan(0, _length);

        public void Clear() => _length = 0;

        public override void Write(string text, FormatterTextKind kind)
        {
            if (_length + text.Length > _characters.Length)
            {
                Array.Resize(ref _characters, 2 * (_length + text.Length));
            }

            text.CopyTo(_characters.AsSpan(_length));
            _length += text.Length;
        }
    }
}
