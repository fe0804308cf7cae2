namespace MemProc;

/// <summary>
/// Reads the memory of mappings. One without read permission still has its bytes, which <c>/proc/PID/mem</c> shows.
/// </summary>
/// <param name="target">The process or core.</param>
/// <param name="cancellation">Stops the reads.</param>
/// <param name="allowUserfault">See <see cref="MemoryReader.AllowUserfault"/>.</param>
internal sealed class MapMemoryReader(MemoryTarget target, CancellationToken cancellation, bool allowUserfault = false)
{
    private readonly MemoryReader _reader = new(target, ReadMethod.Auto, cancellation) { AllowUserfault = allowUserfault };
    private readonly MemoryReader? _forcedReader =
        target is LinuxProcess ? new(target, ReadMethod.Mem, cancellation) : null;

    /// <summary>Returns the reader for a mapping.</summary>
    public MemoryReader Of(ProcMap map) => map.IsReadable ? _reader : _forcedReader ?? _reader;
}
