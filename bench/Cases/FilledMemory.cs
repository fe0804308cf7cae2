namespace MemProc.Bench;

/// <summary>Memory without a page of zeros, at the beginning of a reservation.</summary>
internal static class FilledMemory
{
    /// <summary>Bytes that are filled by one command: it has to be done before patience ends.</summary>
    private const ulong Step = 128UL << 20;

    /// <summary>Makes it.</summary>
    /// <returns>Its address.</returns>
    public static ulong In(TargetProcess target, ulong length, ulong reserved)
    {
        ulong address = target.Ask($"reserve {reserved} 0").Address("address");
        for (ulong done = 0; done < length; done += Step)
        {
            target.Ask($"fill {address + done} {Math.Min(Step, length - done)} 1");
        }

        return address;
    }
}
