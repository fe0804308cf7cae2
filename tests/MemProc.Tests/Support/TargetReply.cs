using System.Globalization;

namespace MemProc.Tests;

/// <summary>A reply line of the target: a word, then key=value pairs.</summary>
public sealed class TargetReply
{
    private readonly string _line;
    private readonly Dictionary<string, string> _values;

    internal TargetReply(string line, string word)
    {
        _line = line;
        string[] parts = line.Split(' ');
        if (parts[0] != word)
        {
            throw new TargetException($"no {word}: {line}");
        }

        _values = parts[1..].Select(part => part.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
    }

    /// <summary>Returns an address.</summary>
    public ulong Address(string key)
    {
        string value = Text(key);
        return value.StartsWith("0x", StringComparison.Ordinal)
            ? ulong.Parse(value.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
            : throw new TargetException($"{key} is not a valid address in: {_line}");
    }

    /// <summary>Returns a number.</summary>
    public ulong Number(string key) => ulong.Parse(Text(key), NumberStyles.None, CultureInfo.InvariantCulture);

    /// <summary>Returns bytes.</summary>
    public byte[] Bytes(string key) => Convert.FromHexString(Text(key));

    /// <summary>Returns a text; the backslash, and bytes that are not visible ASCII, are <c>\xHH</c>.</summary>
    public string Text(string key) => _values.TryGetValue(key, out string? value)
        ? value
        : throw new TargetException($"no {key} in: {_line}");

    /// <inheritdoc/>
    public override string ToString() => _line;
}
