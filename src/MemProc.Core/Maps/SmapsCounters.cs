using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>The counters of smaps and smaps_rollup.</summary>
/// <param name="counters">Receives the counters, by the kernel's names.</param>
internal sealed class SmapsCounters(Dictionary<string, ulong> counters) : ISmapsLineHandler
{
    public SmapsCounters()
        : this(new Dictionary<string, ulong>(24))
    {
    }

    /// <summary>The counters by the kernel's names.</summary>
    public Dictionary<string, ulong> Counters { get; } = counters;

    /// <summary>The two-letter flags.</summary>
    public string[] VmFlags { get; private set; } = [];

    /// <inheritdoc/>
    public void Add(ReadOnlySpan<byte> line)
    {
        if (!SmapsLine.TryParse(line, out SmapsLine counter))
        {
            return;
        }

        if (counter.VmFlags.IsEmpty)
        {
            Counters[Encoding.UTF8.GetString(counter.Name)] = counter.Value;
        }
        else
        {
            VmFlags = Encoding.UTF8.GetString(counter.VmFlags).Split(' ');
        }
    }
}
