namespace MemProc;

/// <summary>
/// Resolves the addresses of one request. All of its expressions see the same list of mappings, which is read when the
/// first expression needs it; numbers need none. A later request takes a new one, since mappings change.
/// </summary>
/// <param name="process">The process. It has to stay open as long as this is used.</param>
/// <param name="cancellation">Stops reads.</param>
public sealed class AddressResolution(MemoryTarget process, CancellationToken cancellation = default) : IDisposable
{
    private MappedImages? _images;

    /// <summary>Resolves all addresses of a request, in their order.</summary>
    /// <param name="process">The process.</param>
    /// <param name="addresses">The addresses.</param>
    /// <param name="cancellation">Stops reads.</param>
    /// <inheritdoc cref="Resolve(AddressExpression)" path="/exception"/>
    public static ulong[] Resolve(
        MemoryTarget process, IEnumerable<AddressExpression> addresses, CancellationToken cancellation = default)
    {
        using AddressResolution resolution = new(process, cancellation);
        return [.. addresses.Select(resolution.Resolve)];
    }

    /// <summary>Resolves an address.</summary>
    /// <inheritdoc cref="AddressExpression.Resolve(MemoryTarget, CancellationToken)" path="/exception"/>
    public ulong Resolve(AddressExpression address) => address.IsNumber(out ulong value) ? value
        : address.Resolve(_images ??= new MappedImages(process, cancellation));

    /// <summary>Returns the size in bytes of the symbol that an address is; null where it is none, or has no size.</summary>
    /// <inheritdoc cref="AddressExpression.Resolve(MemoryTarget, CancellationToken)" path="/exception"/>
    public ulong? SizeOf(AddressExpression address) =>
        address.IsSymbol ? address.SizeIn(_images ??= new MappedImages(process, cancellation)) : null;

    /// <inheritdoc/>
    public void Dispose() => _images?.Dispose();
}
