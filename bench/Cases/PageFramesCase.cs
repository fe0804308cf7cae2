using System.Diagnostics;
using System.Globalization;

namespace MemProc.Bench;

/// <summary>The frames of 1 GiB of a process as objects, with all that is known of each, beside their flags alone.</summary>
internal sealed class PageFramesCase : Case
{
    private TimeSpan _shortest = TimeSpan.MaxValue;

    /// <inheritdoc/>
    public override string Name => "page-frames";

    /// <inheritdoc/>
    public override string Title => "frames of 1 GiB of a process as objects";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        Tools.RequireRoot();
        ResidentMemory memory = ResidentMemory.In(context, 1UL << 30);
        LinuxProcess process = context.Keep(LinuxProcess.Open(memory.ProcessId));
        PageFrameReader reader = context.Keep(new PageFrameReader());
        try
        {
            reader.Prepare();
        }
        catch (MemProcException error)
        {
            throw new SkippedException(error.Message);
        }

        FrameTables tables = context.Keep(new FrameTables());
        Candidate frames = context.Add(new InProcessCandidate("MemProc.Core, PageFrameReader", 1, () => Timed(
            () => reader.ReadAddress(process, memory.Start, memory.Length).LongCount())));
        Candidate flags = context.Add(new InProcessCandidate("MemProc.Core, pages with flags, map counts, cgroups", 1, () =>
            new PageMapWalk(process) { Frames = tables }.Range(memory.Start, memory.Length).LongCount()
                .ToString(CultureInfo.InvariantCulture)));
        context.Compare(frames, flags);
        context.Remark("Microseconds a page (at most 2)", () =>
            (_shortest.TotalMicroseconds / memory.Pages).ToString("f2", CultureInfo.InvariantCulture));
    }

    private string Timed(Func<long> count)
    {
        long start = Stopwatch.GetTimestamp();
        long found = count();
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        _shortest = elapsed < _shortest ? elapsed : _shortest;
        return found.ToString(CultureInfo.InvariantCulture);
    }
}
