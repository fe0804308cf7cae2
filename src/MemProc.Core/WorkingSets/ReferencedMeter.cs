using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>Measures by the referenced bits: clear_refs clears them, smaps counts those that were set since.</summary>
internal sealed class ReferencedMeter(CancellationToken cancellation) : WorkingSetMeter
{
    public override WorkingSetMethod Method => WorkingSetMethod.Referenced;

    public override void Add(LinuxProcess process)
    {
        // Fails early where the result could not be read.
        using (SafeFileHandle smaps = process.OpenFile("smaps", Operation.MeasureWorkingSet))
        {
        }

        ClearRefs.Write(process, ClearRefsValue.Referenced, Operation.MeasureWorkingSet);
    }

    /// <summary>Does nothing: the bits of each process were cleared when it was added.</summary>
    private protected override void Begin()
    {
    }

    private protected override IEnumerable<WorkingSet> Read(LinuxProcess process, double seconds) =>
        MapReader.ReadDetailed(process, cancellation).Select(map => new WorkingSet(
            map, Method, seconds, map.RssBytes ?? throw Uncounted(process, "Rss"),
            map.ReferencedBytes ?? throw Uncounted(process, "Referenced"), untrackedBytes: null));

    private static MemProcException Uncounted(LinuxProcess process, string counter) =>
        process.Failure(Operation.MeasureWorkingSet, Errno.ENOSYS, $"smaps has no {counter}");
}
