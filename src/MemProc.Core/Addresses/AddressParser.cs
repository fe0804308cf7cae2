using System.Globalization;

namespace MemProc;

/// <summary>
/// Parses address expressions; <see cref="AddressNode"/> evaluates them. The grammar:
/// <code>
/// sum    = term { (+|-) (number | *term | (sum)) }
/// term   = number | *term | (sum) | [name] | auxv:NAME | .section | [file] !symbol | [file] !.section | file
/// </code>
/// A text that can be a number is a number, including <c>dead</c>. A <c>+</c> or <c>-</c> ends a name only where just a
/// number, <c>(</c> or <c>*</c> follows: <c>libstdc++.so.6</c> and <c>ld-linux-x86-64.so.2</c> are names. A name in quotes
/// can contain any character.
/// </summary>
internal ref struct AddressParser
{
    private const string Auxiliary = "auxv:";

    /// <summary>Nested terms that are accepted, so that the stack does not overflow.</summary>
    private const int MaxNesting = 64;

    /// <summary>Operators that are accepted: each sum is one more level when the expression is evaluated.</summary>
    private const int MaxOperators = 256;

    /// <summary>Characters that are accepted: enough for the longest path and a symbol.</summary>
    private const int MaxLength = 8192;

    /// <summary>Characters of an expression that a message quotes.</summary>
    private const int MaxQuoted = 200;

    private readonly string _text;
    private int _at;
    private int _depth;
    private int _operators;

    private AddressParser(string text) => _text = text;

    private readonly char Next => _at < _text.Length ? _text[_at] : '\0';

    /// <summary>Parses a text.</summary>
    /// <exception cref="FormatException">It is not a valid address; the message says where and why.</exception>
    public static AddressNode Parse(string text)
    {
        AddressParser parser = new(text);
        if (text.Length > MaxLength)
        {
            throw parser.Fault(text.Length, $"it has {text.Length} characters, and at most {MaxLength} are allowed");
        }

        AddressNode term = parser.Sum();
        return parser._at == text.Length ? term
            : throw parser.Fault(parser._at, "only + or - and a number can follow here");
    }

    /// <summary>Whether a text looks like a number: <c>0x</c> with digits, or hex digits alone.</summary>
    public static bool IsNumber(ReadOnlySpan<char> text)
    {
        text = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text[2..] : text;
        bool hasDigits = false;
        foreach (char character in text)
        {
            if (!char.IsAsciiHexDigit(character) && character is not ('_' or '`'))
            {
                return false;
            }

            hasDigits |= char.IsAsciiHexDigit(character);
        }

        return hasDigits;
    }

    /// <summary>Whether a text is a number that cannot begin a name, as <c>add</c> begins <c>add-ons.so</c>.</summary>
    private static bool IsCertainNumber(ReadOnlySpan<char> text) => IsNumber(text)
        && (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) || !text.ContainsAnyExceptInRange('0', '9'));

    /// <summary>
    /// Returns a file name as it is written in an expression: in quotes where it would be parsed as something else.
    /// </summary>
    public static string Quote(string name)
    {
        AddressParser parser = new(name);
        bool isPlain = name.Length > 0 && !IsNumber(name) && name[0] != '.'
            && !name.StartsWith(Auxiliary, StringComparison.Ordinal)
            && !name.StartsWith("0x", StringComparison.OrdinalIgnoreCase) && parser.Name().Length == name.Length;
        bool isArea = name.Length > 2 && name[0] == '[' && name.IndexOf(']') == name.Length - 1;
        return isPlain || isArea ? name : $"\"{name}\"";
    }

    /// <summary>Returns a symbol name as it is written after a <c>!</c>.</summary>
    public static string QuoteSymbol(string name) =>
        name.Length > 0 && name.All(IsOfSymbol) ? name : $"\"{name}\"";

    private AddressNode Sum()
    {
        AddressNode sum = Term();
        while (true)
        {
            SkipBlanks();
            if (Next is not ('+' or '-'))
            {
                return sum;
            }

            if (++_operators > MaxOperators)
            {
                throw Fault(_at, $"an expression can have at most {MaxOperators} operators");
            }

            bool isMinus = Next == '-';
            _at++;
            sum = new SumNode(sum, isMinus, Operand());
        }
    }

    private AddressNode Operand()
    {
        SkipBlanks();
        int start = _at;
        return Next is '(' or '*' ? Term()
            : Run() is { Length: > 0 } digits && IsNumber(digits) ? Number(start, digits)
            : throw Fault(start, "a number has to follow here, or *(…), or (…)");
    }

    private AddressNode Term()
    {
        SkipBlanks();
        int start = _at;
        if (++_depth > MaxNesting)
        {
            throw Fault(start, "it is nested too deeply");
        }

        AddressNode term;
        switch (Next)
        {
            case '*':
                _at++;
                term = new DereferenceNode(Term());
                break;
            case '(':
                _at++;
                term = Sum();
                Expect(')', start);
                break;
            case '[':
                term = Symbol(Area()) ?? new SpecialMappingNode(_text[start.._at]);
                break;
            case '!':
                term = Symbol(null)!;
                break;
            case '"':
                string quoted = Quoted();
                term = Symbol(quoted) ?? new FileNode(quoted);
                break;
            default:
                term = Named(start);
                break;
        }

        _depth--;
        return term;
    }

    private AddressNode Named(int start)
    {
        string name = Name();
        if (name.Length == 0)
        {
            throw Fault(start, start == _text.Length ? "the end is missing" : "this cannot begin an address");
        }

        return IsNumber(name) ? Number(start, name)
            : name.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? throw Fault(start, "this is not a valid hex number")
            : name.StartsWith(Auxiliary, StringComparison.Ordinal) ? AuxiliaryEntry(start, name[Auxiliary.Length..])
            : Symbol(name) is AddressNode symbol ? symbol
            : name[0] == '.' ? new SectionNode(null, name)
            : new FileNode(name);
    }

    private readonly NumberNode Number(int start, string digits)
    {
        try
        {
            return new NumberNode(NumberText.Parse(digits));
        }
        catch (FormatException)
        {
            throw Fault(start, "the number has more than 64 bits");
        }
    }

    private readonly AuxiliaryVectorNode AuxiliaryEntry(int start, string name)
    {
        if (ulong.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number))
        {
            return new AuxiliaryVectorNode(name, number);
        }

        foreach ((string known, ulong type) in Interop.AuxiliaryVector.Names)
        {
            if (name.Equals(known, StringComparison.OrdinalIgnoreCase)
                || name.Equals(known["AT_".Length..], StringComparison.OrdinalIgnoreCase))
            {
                return new AuxiliaryVectorNode(known, type);
            }
        }

        throw Fault(start, "the auxiliary vector has no entry of that name."
            + NameSuggestions.Suggest(name, Interop.AuxiliaryVector.Names.Select(known => known.Name)).TrimEnd('.'));
    }

    /// <summary>Parses what follows a <c>!</c>; null where there is no <c>!</c>.</summary>
    /// <param name="file">The file's name; null: the main program.</param>
    private AddressNode? Symbol(string? file)
    {
        if (Next != '!')
        {
            return null;
        }

        int start = ++_at;
        if (Next == '"')
        {
            return new SymbolNode(file, Quoted());
        }

        while (_at < _text.Length && IsOfSymbol(_text[_at]))
        {
            _at++;
        }

        string name = _text[start.._at];
        return name.Length == 0 ? throw Fault(start, "a symbol or section has to follow the !")
            : name[0] == '.' ? new SectionNode(file, name)
            : new SymbolNode(file, name);
    }

    private string Area()
    {
        int start = _at;
        int open = 0;
        for (; _at < _text.Length; _at++)
        {
            open += Next == '[' ? 1 : Next == ']' ? -1 : 0;
            if (open == 0)
            {
                _at++;
                return _text[start.._at];
            }
        }

        throw Fault(start, "the bracket is never closed");
    }

    private string Quoted()
    {
        int start = _at;
        int end = _text.IndexOf('"', start + 1);
        if (end <= start + 1)
        {
            throw Fault(start, end < 0 ? "the quote is never closed" : "there is nothing in the quotes");
        }

        _at = end + 1;
        return _text[(start + 1)..end];
    }

    private string Name()
    {
        int start = _at;
        while (_at < _text.Length && (IsOfName(Next)
            || (Next is '+' or '-' && _at > start && !IsOperator(_at) && !IsCertainNumber(_text.AsSpan(start, _at - start)))))
        {
            _at++;
        }

        return _text[start.._at];
    }

    /// <summary>Reads letters and digits.</summary>
    private string Run()
    {
        int start = _at;
        _at = EndOfRun(_at);
        return _text[start.._at];
    }

    private readonly int EndOfRun(int at)
    {
        while (at < _text.Length && (char.IsAsciiLetterOrDigit(_text[at]) || _text[at] is '_' or '`'))
        {
            at++;
        }

        return at;
    }

    /// <summary>Whether a <c>+</c> or <c>-</c> is an operator, and not part of a name.</summary>
    private readonly bool IsOperator(int at)
    {
        while (true)
        {
            int start = at + 1;
            while (start < _text.Length && char.IsWhiteSpace(_text[start]))
            {
                start++;
            }

            if (start == _text.Length || _text[start] is '(' or '*')
            {
                return true;
            }

            int end = EndOfRun(start);
            if (!IsNumber(_text.AsSpan(start, end - start)))
            {
                return false;
            }

            if (end == _text.Length || char.IsWhiteSpace(_text[end]) || _text[end] == ')')
            {
                return true;
            }

            if (_text[end] is not ('+' or '-'))
            {
                return false;
            }

            at = end;
        }
    }

    private void Expect(char expected, int start)
    {
        SkipBlanks();
        if (Next != expected)
        {
            throw Fault(_at, $"the bracket of character {start + 1} is not closed");
        }

        _at++;
    }

    private void SkipBlanks()
    {
        while (char.IsWhiteSpace(Next))
        {
            _at++;
        }
    }

    private static bool IsOfName(char character) => char.IsLetterOrDigit(character)
        || character is '_' or '.' or '/' or ':' or '@' or '~' or '%' or '=' or '$' or '#' or '`';

    private static bool IsOfSymbol(char character) =>
        char.IsLetterOrDigit(character) || character is '_' or '.' or '$' or '@' or ':' or '~';

    private readonly FormatException Fault(int at, string what)
    {
        string position = at < _text.Length ? $" At character {at + 1}, '{Quoted(_text[at..])}':" : string.Empty;
        return new FormatException($"'{Quoted(_text)}' is not a valid address.{position} {what}. Write 0x7ffd2de47000, or "
            + "7ffd2de47000 (a text of digits and a to f is hex), a decimal number, or an expression such as "
            + "libc.so.6!malloc+8, [heap] or *(0x7ffd2de47000).");

        static string Quoted(string text) => SafeText.ShortenMiddle(SafeText.Escape(text), MaxQuoted);
    }
}
