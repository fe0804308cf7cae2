using System.Globalization;

namespace MemProc;

/// <summary>
/// An address as the user gives it: a number, or an expression such as <c>libc.so.6!malloc+8</c>. It is resolved against
/// a process when it is used, so that an expression can stand for another number in each process.
/// </summary>
public readonly struct AddressExpression
{
    private readonly ulong _value;
    private readonly string? _text;
    private readonly AddressNode? _term;

    private AddressExpression(ulong value, ulong? length = null)
    {
        _value = value;
        Length = length;
    }

    private AddressExpression(AddressNode term, string text)
    {
        _term = term;
        _text = text;
    }

    /// <summary>Bytes at the address, where it came from an object with a length; else null.</summary>
    public ulong? Length { get; }

    /// <summary>Makes an address of a number.</summary>
    /// <param name="value">The address.</param>
    /// <param name="length">Bytes at the address, where it came from an object with a length.</param>
    public static AddressExpression FromNumber(ulong value, ulong? length = null) => new(value, length);

    /// <summary>
    /// Parses a text: a number by the rules of <see cref="NumberText.Parse"/>, or an expression: <c>libc.so.6+0x1234</c>,
    /// <c>libc.so.6!malloc+8</c>, <c>!main</c>, <c>libc.so.6!.bss</c>, <c>.data</c>, <c>[heap]</c>,
    /// <c>[stack]-0x100</c>, <c>auxv:AT_ENTRY</c>, <c>*(0x7ffd2de47000)</c>.
    /// </summary>
    /// <exception cref="FormatException">The text is not a valid address; the message says where and why.</exception>
    public static AddressExpression Parse(string text)
    {
        // Long lists are of this form.
        if (text.StartsWith("0x", StringComparison.Ordinal)
            && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value))
        {
            return new AddressExpression(value);
        }

        AddressNode term = AddressParser.Parse(text);
        return term is NumberNode number ? new AddressExpression(number.Value) : new AddressExpression(term, text.Trim());
    }

    /// <summary>
    /// A file name as it is written in an expression: in quotes where it would be read as something else.
    /// </summary>
    public static string Quote(string fileName) => AddressParser.Quote(fileName);

    /// <summary>A symbol name as it is written after a <c>!</c>.</summary>
    public static string QuoteSymbol(string name) => AddressParser.QuoteSymbol(name);

    /// <summary>
    /// Returns the address in a process. A list of addresses is resolved by <see cref="AddressResolution"/>, which reads
    /// the mappings once.
    /// </summary>
    /// <param name="process">The process.</param>
    /// <param name="cancellation">Stops reads.</param>
    /// <exception cref="MemProcException">
    /// ResolveAddress: ENOENT where the process has nothing of that name, EINVAL where it has several or the sum is
    /// outside 64 bits. ReadMaps, ReadElf, ReadMemory: what is needed cannot be read.
    /// </exception>
    public ulong Resolve(MemoryTarget process, CancellationToken cancellation = default)
    {
        using AddressResolution resolution = new(process, cancellation);
        return resolution.Resolve(this);
    }

    /// <summary>Returns the address in a process whose files are known.</summary>
    /// <param name="images">The mapped files of the process.</param>
    /// <inheritdoc cref="Resolve(MemoryTarget, CancellationToken)" path="/exception"/>
    public ulong Resolve(MappedImages images)
    {
        ArgumentNullException.ThrowIfNull(images);
        return UserRange.Untag(_term?.Evaluate(images) ?? _value);
    }

    /// <summary>Whether the address is a symbol and nothing else: <c>libc.so.6!environ</c>.</summary>
    public bool IsSymbol => _term is SymbolNode;

    /// <summary>Returns the size in bytes of the symbol that the address is; null where it is none, or has no size.</summary>
    /// <param name="images">The mapped files of the process.</param>
    internal ulong? SizeIn(MappedImages images) => (_term as SymbolNode)?.SizeIn(images);

    /// <summary>The address as it was given.</summary>
    public override string ToString() => _text ?? $"0x{_value:x}";

    /// <summary>Whether the address is a number, which means the same in each process.</summary>
    /// <param name="value">The number.</param>
    internal bool IsNumber(out ulong value)
    {
        value = UserRange.Untag(_value);
        return _term is null;
    }
}
