using System.Globalization;

namespace MemProc;

/// <summary>
/// An address as a person gives it: a number, or an expression such as <c>libc.so.6!malloc+8</c>. It is resolved against
/// a process when it is used, so that one expression stands for another number in each process.
/// </summary>
public readonly struct ProcAddress
{
    private readonly ulong _value;
    private readonly string? _text;
    private readonly AddressTerm? _term;

    private ProcAddress(ulong value, ulong? length = null)
    {
        _value = value;
        Length = length;
    }

    private ProcAddress(AddressTerm term, string text)
    {
        _term = term;
        _text = text;
    }

    /// <summary>Bytes that the address stands for, where it came from something with a length; else null.</summary>
    public ulong? Length { get; }

    /// <summary>It is a number, so that no process is needed to resolve it.</summary>
    internal bool IsNumber => _term is null;

    /// <summary>An address that is known as a number.</summary>
    /// <param name="value">The address.</param>
    /// <param name="length">Bytes that it stands for, where it came from something with a length.</param>
    public static ProcAddress FromNumber(ulong value, ulong? length = null) => new(value, length);

    /// <summary>
    /// Reads a text: a number by the rules of <see cref="NumberText.Parse"/>, or an expression: <c>libc.so.6+0x1234</c>,
    /// <c>libc.so.6!malloc+8</c>, <c>!main</c>, <c>libc.so.6!.bss</c>, <c>.data</c>, <c>[heap]</c>,
    /// <c>[stack]-0x100</c>, <c>auxv:AT_ENTRY</c>, <c>*(0x7ffd2de47000)</c>.
    /// </summary>
    /// <exception cref="FormatException">The text is no address; the message says where it goes wrong.</exception>
    public static ProcAddress Parse(string text)
    {
        // Long lists are of this form.
        if (text.StartsWith("0x", StringComparison.Ordinal)
            && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value))
        {
            return new ProcAddress(value);
        }

        AddressTerm term = AddressParser.Parse(text);
        return term is AddressNumber number ? new ProcAddress(number.Value) : new ProcAddress(term, text.Trim());
    }

    /// <summary>The address in a process.</summary>
    /// <param name="process">The process.</param>
    /// <exception cref="MemProcException">
    /// ResolveAddress: ENOENT where the process has nothing of that name, EINVAL where it has several or the sum lies
    /// outside of 64 bits. What is read on the way can fail, too: ReadMaps, ReadElf, ReadMemory.
    /// </exception>
    public ulong Resolve(LinuxProcess process)
    {
        ArgumentNullException.ThrowIfNull(process);
        if (_term is null)
        {
            return _value;
        }

        using ProcModules modules = new(process);
        return Resolve(modules);
    }

    /// <summary>The same, for many addresses of a process: its files are opened once.</summary>
    /// <param name="modules">The files that the process has mapped.</param>
    /// <inheritdoc cref="Resolve(LinuxProcess)" path="/exception"/>
    public ulong Resolve(ProcModules modules)
    {
        ArgumentNullException.ThrowIfNull(modules);
        return _term?.In(modules) ?? _value;
    }

    /// <summary>The address as it was given.</summary>
    public override string ToString() => _text ?? $"0x{_value:x}";
}
