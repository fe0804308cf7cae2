namespace MemProc;

/// <summary>How much memory a process has alone, how much it shares, and with whom.</summary>
public sealed class PageSharingSummary : ProcessOutput
{
    private PageSharingSummary(ProcessIdentity process) => Process = process;

    /// <summary>Bytes in memory.</summary>
    public ulong RssBytes { get; private set; }

    /// <summary>Bytes in memory, each page divided by the number of times it is mapped.</summary>
    public ulong PssBytes { get; private set; }

    /// <summary>Bytes in memory that no other process maps.</summary>
    public ulong UssBytes { get; private set; }

    /// <summary>Bytes in memory that other processes map too.</summary>
    public ulong SharedBytes => RssBytes - UssBytes;

    /// <summary>
    /// Bytes of <see cref="SharedBytes"/> that a process maps which was not read; null where the map counts cannot be read.
    /// </summary>
    public ulong? UnseenSharedBytes { get; private set; } = 0;

    /// <summary>Number of mappings with pages in memory.</summary>
    public int MappingCount { get; private set; }

    /// <summary>The other processes that were read, most shared bytes first.</summary>
    public OutputList<PageSharer> SharedWith { get; private set; } = [];

    internal override ProcessIdentity Process { get; }

    /// <summary>Adds up the mappings of a process.</summary>
    /// <param name="process">The process.</param>
    /// <param name="mappings">The sharing of its mappings.</param>
    public static PageSharingSummary Of(LinuxProcess process, IEnumerable<PageSharing> mappings)
    {
        ArgumentNullException.ThrowIfNull(process);
        ArgumentNullException.ThrowIfNull(mappings);
        PageSharingSummary sum = new(process.Identity);
        Dictionary<(int Id, string Name), ulong> sharers = [];
        foreach (PageSharing mapping in mappings)
        {
            sum.MappingCount++;
            sum.RssBytes += mapping.PresentPages * MachinePage.SizeBytes;
            sum.PssBytes += mapping.PssBytes;
            sum.UssBytes += mapping.UssBytes;
            sum.UnseenSharedBytes += mapping.UnseenSharedPages * MachinePage.SizeBytes;
            foreach (PageSharer sharer in mapping.SharedWith)
            {
                (int, string) key = (sharer.ProcessId, sharer.ProcessName);
                sharers[key] = sharers.GetValueOrDefault(key) + sharer.PageCount;
            }
        }

        sum.SharedWith = [.. sharers.OrderByDescending(sharer => sharer.Value).ThenBy(sharer => sharer.Key.Id)
            .Select(sharer => new PageSharer(sharer.Key.Id, sharer.Key.Name, sharer.Value))];
        return sum;
    }

    /// <summary>Returns the sums in words.</summary>
    public override string ToString() => $"{Process}: {HumanSize.Format(UssBytes)} own, {HumanSize.Format(SharedBytes)} shared with "
        + $"{SharedWith.Length} processes";
}
