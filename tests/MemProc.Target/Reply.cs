using System.Globalization;
using System.Text;

namespace MemProc.Target;

/// <summary>The reply to a successful command: <c>ok key=value …</c>. No value contains a blank.</summary>
internal sealed class Reply
{
    private readonly StringBuilder _line = new("ok");

    /// <summary>Adds an address, as 0x and hexadecimal digits.</summary>
    public Reply Address(string key, nint address) => Add(key, $"0x{address:x}");

    /// <summary>Adds a decimal number.</summary>
    public Reply Number(string key, ulong number) => Add(key, number.ToString(CultureInfo.InvariantCulture));

    /// <summary>Adds bytes as hexadecimal digits.</summary>
    public Reply Bytes(string key, ReadOnlySpan<byte> bytes) => Add(key, Convert.ToHexStringLower(bytes));

    /// <summary>Adds bytes as text; bytes that are not visible ASCII, and the backslash, become <c>\xHH</c>.</summary>
    public Reply Text(string key, ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new(bytes.Length);
        foreach (byte value in bytes)
        {
            if (value is > (byte)' ' and < 0x7f and not (byte)'\\')
            {
                text.Append((char)value);
            }
            else
            {
                text.Append(CultureInfo.InvariantCulture, $"\\x{value:x2}");
            }
        }

        return Add(key, text.ToString());
    }

    /// <inheritdoc/>
    public override string ToString() => _line.ToString();

    private Reply Add(string key, string value)
    {
        _line.Append(' ').Append(key).Append('=').Append(value);
        return this;
    }
}
