namespace MemProc.Bench;

/// <summary>A process with memory that is resident to the last page, in pages of the machine's size.</summary>
/// <param name="ProcessId">The process.</param>
/// <param name="Start">First address.</param>
/// <param name="End">First address behind it.</param>
internal sealed record ResidentMemory(int ProcessId, ulong Start, ulong End)
{
    /// <summary>Bytes that are touched by one command: it has to be done before patience ends.</summary>
    private const ulong Step = 1UL << 30;

    /// <summary>Bytes.</summary>
    public ulong Length => End - Start;

    /// <summary>Pages.</summary>
    public ulong Pages => Length / MachinePage.SizeBytes;

    /// <summary>Starts the process.</summary>
    /// <param name="contest">Ends it.</param>
    /// <param name="length">Bytes.</param>
    public static ResidentMemory In(Contest contest, ulong length)
    {
        TargetProcess target = contest.Keep(TargetProcess.Start());
        ulong start = target.Ask($"reserve {length} 0").Address("address");
        for (ulong done = 0; done < length; done += Step)
        {
            target.Ask($"touch {start + done} {Math.Min(Step, length - done) / MachinePage.SizeBytes}");
        }

        return new ResidentMemory(target.ProcessId, start, start + length);
    }
}
