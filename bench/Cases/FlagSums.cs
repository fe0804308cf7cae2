namespace MemProc.Bench;

/// <summary>
/// Who can sum up flags. The flags of frames change all the time, so that the number of frames is their answer.
/// </summary>
internal static class FlagSums
{
    /// <summary>Core, called by the bench.</summary>
    /// <param name="repeats">How many times by the clock.</param>
    /// <param name="add">What is summed up.</param>
    public static InProcessCandidate Core(int repeats, Action<FlagTallyBuilder> add) => new("MemProc.Core, FlagTallyBuilder", repeats, () =>
    {
        using FrameTables tables = new(FrameAttributes.Flags);
        FlagTallyBuilder count = new(tables, raw: false, new PageFilter());
        add(count);
        return $"{count.Counts.Summaries.Sum(summary => (long)summary.PageCount)}";
    });

    /// <summary>The cmdlet.</summary>
    /// <param name="context">Ends its session.</param>
    /// <param name="command">The command.</param>
    public static Candidate Cmdlet(CaseContext context, string command) => PwshCandidate.InOwnSession(
        context, "Measure-PageFlags, in a running pwsh", $"({command} | Measure-Object PageCount -Sum).Sum");

    /// <summary>The command line, of the whole machine.</summary>
    public static ProgramCandidate Memproc() => ProgramCandidate.Memproc(
        "memproc summary, start to end",
        output => $"{OutputLines.Numbers(output, "pageCount").Sum()}",
        "summary", "--json");

    /// <summary>page-types.</summary>
    /// <param name="arguments">Of what.</param>
    public static Candidate PageTypes(params string[] arguments) => ProgramCandidate.PageTypes(
        "page-types, start to end",
        // The last line: total, pages, MiB.
        output => OutputLines.Of(output)[^1].Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1],
        arguments);
}
