using System.Globalization;
using System.Text;

namespace MemProc.Target;

/// <summary>The arguments of a command, read word by word.</summary>
/// <param name="text">The line after the command's name.</param>
internal sealed class Arguments(string text)
{
    private string _rest = text;

    /// <summary>Reads the next word as a number: decimal, or hexadecimal with 0x.</summary>
    public ulong Number(string what) => Parse(Word(what), what);

    /// <summary>Reads the next word as a number; returns a default if there is no next word.</summary>
    public ulong NumberOr(string what, ulong absent) => _rest.Length == 0 ? absent : Number(what);

    /// <summary>Reads the next word as an address.</summary>
    public nint Address() => (nint)Number("address");

    /// <summary>Reads the next word as a length in bytes.</summary>
    public nuint Length() => (nuint)Number("length");

    /// <summary>Reads the next word as a protection: the letters r, w and x, and dashes.</summary>
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

    /// <summary>Reads the next word, <c>private</c> or <c>shared</c>.</summary>
    public bool IsShared() => Word("sharing") switch
    {
        "shared" => true,
        "private" => false,
        string other => throw new CommandException($"sharing: {other} is neither private nor shared"),
    };

    /// <summary>
    /// Reads the rest of the line, blanks included, as a NUL-terminated C string. <c>\n</c> is a newline, <c>\e</c> an
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

    /// <summary>Rejects arguments that the command did not read.</summary>
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
        // Skips one blank only: a path that follows may start with a blank.
        _rest = space < 0 ? "" : _rest[(space + 1)..];
        return word;
    }
}
