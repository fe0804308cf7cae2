using System.Globalization;
using System.Text;

namespace MemProc.Target;

/// <summary>What follows a command's name, taken word by word.</summary>
/// <param name="text">The rest of the line.</param>
internal sealed class Arguments(string text)
{
    private string _rest = text;

    /// <summary>The next word is a number: decimal, or hexadecimal behind 0x.</summary>
    public ulong Number(string what) => Parse(Word(what), what);

    /// <summary>The next word is a number; without a next word it is the one given here.</summary>
    public ulong NumberOr(string what, ulong absent) => _rest.Length == 0 ? absent : Number(what);

    /// <summary>The next word is an address.</summary>
    public nint Address() => (nint)Number("address");

    /// <summary>The next word is a length in bytes.</summary>
    public nuint Length() => (nuint)Number("length");

    /// <summary>The next word is a protection: the letters r, w and x, and dashes.</summary>
    public int Protection()
    {
        int protection = 0;
        foreach (char letter in Word("protection"))
        {
            protection |= letter switch
            {
                'r' => Native.ProtRead,
                'w' => Native.ProtWrite,
                'x' => Native.ProtExec,
                '-' => 0,
                _ => throw new CommandException($"protection: unknown letter {letter}"),
            };
        }

        return protection;
    }

    /// <summary>The next word is <c>private</c> or <c>shared</c>.</summary>
    public bool IsShared() => Word("sharing") switch
    {
        "shared" => true,
        "private" => false,
        string other => throw new CommandException($"sharing: {other} is neither private nor shared"),
    };

    /// <summary>
    /// All that is left, blanks included, as a NUL-terminated C string. <c>\n</c> is a newline, <c>\e</c> an
    /// escape character and <c>\\</c> a backslash.
    /// </summary>
    public byte[] RestAsText(string what)
    {
        if (_rest.Length == 0)
        {
            throw new CommandException($"{what} is missing");
        }

        StringBuilder result = new(_rest.Length);
        for (int i = 0; i < _rest.Length; i++)
        {
            if (_rest[i] != '\\')
            {
                result.Append(_rest[i]);
                continue;
            }

            i++;
            result.Append((i < _rest.Length ? _rest[i] : ' ') switch
            {
                'n' => '\n',
                'e' => '\e',
                '\\' => '\\',
                _ => throw new CommandException($"{what}: unknown escape"),
            });
        }

        _rest = "";
        return Encoding.UTF8.GetBytes(result.Append('\0').ToString());
    }

    /// <summary>Refuses what a command did not ask for.</summary>
    public void End()
    {
        if (_rest.Length > 0)
        {
            throw new CommandException($"unexpected: {_rest}");
        }
    }

    private static ulong Parse(string word, string what)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        bool good = word.StartsWith("0x", StringComparison.Ordinal)
            ? ulong.TryParse(word.AsSpan(2), NumberStyles.AllowHexSpecifier, culture, out ulong value)
            : ulong.TryParse(word, NumberStyles.None, culture, out value);
        return good ? value : throw new CommandException($"{what}: {word} is not a valid number");
    }

    private string Word(string what)
    {
        if (_rest.Length == 0)
        {
            throw new CommandException($"{what} is missing");
        }

        int space = _rest.IndexOf(' ', StringComparison.Ordinal);
        string word = space < 0 ? _rest : _rest[..space];
        // One blank only: what follows may be a path that begins with another.
        _rest = space < 0 ? "" : _rest[(space + 1)..];
        return word;
    }
}
