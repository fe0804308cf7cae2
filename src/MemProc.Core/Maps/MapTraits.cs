using MemProc.Interop;

namespace MemProc;

/// <summary>VmFlags of a mapping that matter for reads, writes and dumps.</summary>
[Flags]
internal enum MapTraits
{
    None = 0,
    /// <summary><c>dd</c>: not to be included in a dump (MADV_DONTDUMP).</summary>
    DontDump = 1,
    /// <summary><c>io</c>, <c>pf</c>: not RAM; reading it can have side effects on a device.</summary>
    Device = 2,
    /// <summary>
    /// <c>um</c>, <c>ui</c>: a handler supplies its missing pages (userfaultfd(2)). An access to one waits for the
    /// handler, and never returns where that is the stopped process.
    /// </summary>
    Userfault = 4,
    /// <summary><c>uw</c>: a handler decides about writes to its write-protected pages (userfaultfd(2)).</summary>
    UserfaultWrite = 8,
}

/// <summary>A mapping with its VmFlags.</summary>
/// <param name="Map">The mapping.</param>
/// <param name="Traits">Its flags.</param>
internal readonly record struct MapWithTraits(ProcMap Map, MapTraits Traits)
{
    /// <summary>Reads all mappings in address order. Only the flags of smaps are kept.</summary>
    /// <param name="process">The process.</param>
    /// <param name="cancellation">Stops the read.</param>
    /// <exception cref="MemProcException">As for <see cref="MapReader.Read"/>.</exception>
    public static IEnumerable<MapWithTraits> Read(LinuxProcess process, CancellationToken cancellation) =>
        Smaps.Read<TraitLineHandler>(process, cancellation).Select(found => new MapWithTraits(found.Map, found.Lines.Traits));

    private static MapTraits Interpret(ReadOnlySpan<byte> flags)
    {
        MapTraits traits = MapTraits.None;
        foreach (Range range in flags.Split((byte)' '))
        {
            ReadOnlySpan<byte> flag = flags[range];
            traits |= flag.SequenceEqual("dd"u8) ? MapTraits.DontDump
                : flag.SequenceEqual("io"u8) || flag.SequenceEqual("pf"u8) ? MapTraits.Device
                : flag.SequenceEqual("um"u8) || flag.SequenceEqual("ui"u8) ? MapTraits.Userfault
                : flag.SequenceEqual("uw"u8) ? MapTraits.UserfaultWrite
                : MapTraits.None;
        }

        return traits;
    }

    private sealed class TraitLineHandler : ISmapsLineHandler
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
