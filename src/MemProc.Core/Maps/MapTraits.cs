using MemProc.Interop;

namespace MemProc;

/// <summary>What the VmFlags of a mapping say about reading it for a dump.</summary>
[Flags]
internal enum MapTraits
{
    None = 0,
    /// <summary><c>dd</c>: its process wants it in no dump (MADV_DONTDUMP).</summary>
    DontDump = 1,
    /// <summary><c>io</c>, <c>pf</c>: no memory of the machine; looking at it may do something to a device.</summary>
    Device = 2,
    /// <summary>
    /// <c>um</c>, <c>uw</c>, <c>ui</c>: another program fills its pages in (userfaultfd(2)). Whoever reads a missing one
    /// waits for that program, and would do so forever where it is the process that is held.
    /// </summary>
    FilledByUser = 4,
}

/// <summary>A mapping and what its VmFlags say.</summary>
/// <param name="Map">The mapping.</param>
/// <param name="Traits">What they say.</param>
internal readonly record struct TraitedMap(ProcMap Map, MapTraits Traits)
{
    /// <summary>All mappings in address order. Of smaps, only the flags are kept.</summary>
    /// <param name="process">The process.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="MemProcException">As for <see cref="MapReader.Read"/>.</exception>
    public static IEnumerable<TraitedMap> Read(LinuxProcess process, CancellationToken cancellation) =>
        Smaps.Read<TraitLines>(process, cancellation).Select(found => new TraitedMap(found.Map, found.Lines.Traits));

    private static MapTraits Interpret(ReadOnlySpan<byte> flags)
    {
        MapTraits traits = MapTraits.None;
        foreach (Range range in flags.Split((byte)' '))
        {
            ReadOnlySpan<byte> flag = flags[range];
            traits |= flag.SequenceEqual("dd"u8) ? MapTraits.DontDump
                : flag.SequenceEqual("io"u8) || flag.SequenceEqual("pf"u8) ? MapTraits.Device
                : flag.SequenceEqual("um"u8) || flag.SequenceEqual("uw"u8) || flag.SequenceEqual("ui"u8)
                ? MapTraits.FilledByUser
                : MapTraits.None;
        }

        return traits;
    }

    private sealed class TraitLines : ISmapsLines
    {
        public MapTraits Traits { get; private set; }

        public void Add(ReadOnlySpan<byte> line)
        {
            if (line.StartsWith("VmFlags:"u8) && SmapsLine.TryParse(line, out SmapsLine flags))
            {
                Traits = Interpret(flags.VmFlags);
            }
        }
    }
}
