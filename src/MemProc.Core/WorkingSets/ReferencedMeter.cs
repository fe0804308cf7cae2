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
        MapReader.ReadDetailed(process, cancellation).Select(map => Sum(process, map, seconds));

    /// <summary>
    /// smaps counts the touched bytes of a mapping together: where they exceed its shared bytes, the rest is private, and
    /// where they exceed its private bytes, the rest is shared.
    /// </summary>
    private WorkingSet Sum(LinuxProcess process, ProcMapDetail map, double seconds)
    {
        ulong resident = map.RssBytes ?? throw Uncounted(process, "Rss");
        ulong referenced = map.ReferencedBytes ?? throw Uncounted(process, "Referenced");
        ulong own = Math.Min(map.UssBytes ?? throw Uncounted(process, "Private_Clean"), resident);
        ulong shared = resident - own;
        return new WorkingSet(map, Method, seconds)
        {
            RssBytes = resident,
            UssBytes = own,
            ReferencedBytes = referenced,
            PrivateReferencedBytes = referenced > shared ? referenced - shared : 0,
            SharedReferencedBytes = referenced > own ? referenced - own : 0,
        };
    }

    private static MemProcException Uncounted(LinuxProcess process, string counter) =>
        process.Failure(Operation.MeasureWorkingSet, Errno.ENOSYS, $"smaps has no {counter}");
}
