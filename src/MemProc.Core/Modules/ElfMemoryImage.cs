namespace MemProc;

/// <summary>The mapped parts of an ELF file, read from the memory of a process.</summary>
public sealed class ElfMemoryImage : ElfSource
{
    private readonly MemoryReader _reader;
    private readonly ProcMap[] _maps;

    /// <summary>Prepares to read an image.</summary>
    /// <param name="process">The process.</param>
    /// <param name="maps">The mappings of one file, as <c>/proc/PID/maps</c> lists them.</param>
    /// <param name="cancellation">Stops reads.</param>
    public ElfMemoryImage(
        MemoryTarget process, IEnumerable<ProcMap> maps, CancellationToken cancellation = default)
    {
        _reader = new MemoryReader(process, ReadMethod.Auto, cancellation);
        // A page of the file that two segments share is mapped twice; the mapping that cannot change comes first.
        _maps = [.. maps.OrderBy(map => map.IsWritable)];
        ProcMap first = _maps[0];
        Path = first.Path.Length == 0 ? $"0x{first.Start:x}" : first.Path;
        Name = $"{Path} in process {process.Identity}";
        Length = _maps.Max(map => map.Offset + map.SizeBytes);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override string Path { get; }

    /// <inheritdoc/>
    public override ulong Length { get; }

    /// <inheritdoc/>
    public override bool IsMemory => true;

    /// <inheritdoc/>
    public override int Read(ulong offset, Span<byte> buffer)
    {
        int done = 0;
        while (done < buffer.Length)
        {
            ulong at = offset + (ulong)done;
            ProcMap? map = Array.Find(_maps, map => map.Offset <= at && at - map.Offset < map.SizeBytes);
            if (map is null)
            {
                break;
            }

            ulong offsetInMap = at - map.Offset;
            Span<byte> chunk = buffer[done..];
            chunk = chunk[..(int)Math.Min((ulong)chunk.Length, map.SizeBytes - offsetInMap)];
            if (_reader.Read(map.Start + offsetInMap, chunk) is [{ } gap, ..])
            {
                return done + (int)(gap.Address - map.Start - offsetInMap);
            }

            done += chunk.Length;
        }

        return done;
    }

    /// <inheritdoc/>
    internal override ulong? OffsetOf(ulong address) =>
        Array.Find(_maps, map => map.Start <= address && address < map.End) is ProcMap map
            ? address - map.Start + map.Offset
            : null;
}
