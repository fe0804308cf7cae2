namespace MemProc.Bench;

/// <summary>A process with memory that is resident to the last page, in pages of the machine's size.</summary>
/// <param name="ProcessId">The process.</param>
/// <param name="Start">First address.</param>
/// <param name="End">First address after it.</param>
internal sealed record ResidentMemory(int ProcessId, ulong Start, ulong End)
{
    /// <summary>Bytes that are touched by one command: it has to be done before patience ends.</summary>
    private const ulong Step = 1UL << 30;

    /// <summary>Bytes.</summary>
    public ulong Length => End - Start;

    /// <summary>Pages.</summary>
    public ulong Pages => Length / MachinePage.SizeBytes;

    /// <summary>Starts the process.</summary>
    /// <param name="context">Ends it.</param>
    /// <param name="length">Bytes.</param>
    public static ResidentMemory In(CaseContext context, ulong length) => In(context, length, (start, bytes) =>
        $"touch {start} {bytes / MachinePage.SizeBytes}");

    /// <summary>The same with bytes in it that look random.</summary>
    /// <inheritdoc cref="In(CaseContext, ulong)" path="/param"/>
    public static ResidentMemory Filled(CaseContext context, ulong length) => In(context, length, (start, bytes) =>
        $"fill {start} {bytes} {start / Step % 251}");

    private static ResidentMemory In(CaseContext context, ulong length, Func<ulong, ulong, string> command)
    {
        TargetProcess target = context.Keep(TargetProcess.Start());
        ulong start = target.Ask($"reserve {length} 0").Address("address");
        for (ulong done = 0; done < length; done += Step)
        {
            target.Ask(command(start + done, Math.Min(Step, length - done)));
        }

        return new ResidentMemory(target.ProcessId, start, start + length);
    }
}
