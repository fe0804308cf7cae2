using System.Globalization;

namespace MemProc.Bench;

/// <summary>Objects piped into a cmdlet, against one call for all of them.</summary>
internal sealed class PipelineCase : Case
{
    private const ulong Mappings = 20_000;
    private const ulong Entries = 100_000;

    /// <inheritdoc/>
    public override string Name => "pipelines";

    /// <inheritdoc/>
    public override string Title => "objects from the pipeline";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        Tools.RequireRoot();
        TargetProcess target = context.Keep(TargetProcess.Start());
        TargetReply adjacent = target.Ask($"vmas {Mappings}");
        int mapped = target.ProcessId;
        // The other mappings of the process come and go.
        string maps = string.Create(CultureInfo.InvariantCulture, $"@(Get-ProcMap {mapped} | Where-Object {{ "
            + $"$_.Start -ge {adjacent.Address("address")} -and $_.Start -lt {adjacent.Address("address") + adjacent.Number("length")} }})");
        ResidentMemory memory = ResidentMemory.In(context, Entries * MachinePage.SizeBytes);
        Pair("20,000 mappings | Get-PageMapEntry", maps,
            "$null = $global:given | Get-PageMapEntry", "Get-PageMapEntry of the range", string.Create(CultureInfo.InvariantCulture,
                $"$null = Get-PageMapEntry {mapped} {adjacent.Address("address")} {adjacent.Number("length")}"));
        string pages = string.Create(CultureInfo.InvariantCulture,
            $"@(Get-PageMapEntry {memory.ProcessId} {memory.Start} {memory.Length})");
        Pair("100,000 entries | Get-PageFlags", pages, "$null = $global:given | Get-PageFlags", "Get-PageFlags of a list",
            "$null = Get-PageFlags $global:given.Pfn");
        Pair("100,000 entries | Measure-PageFlags", pages, "$null = $global:given | Measure-PageFlags", null, null);
        // A list takes less time an address than PowerShell needs to bind an object: there is no goal.
        Pair("20,000 mappings | Resolve-ProcAddress", maps,
            "$null = $global:given | Resolve-ProcAddress", "Resolve-ProcAddress of a list",
            $"$null = Resolve-ProcAddress {mapped} $global:given.Start", maxRatio: null);

        // Each in its own session, with the same objects, so that the heap of one does not affect the time of another.
        Candidate Add(string name, string given, string line)
        {
            PwshSession session = context.Keep(PwshSession.Start());
            session.Run($"$global:given = {given}");
            return context.Add(new PwshCandidate(name, session, line));
        }

        void Pair(string name, string given, string line, string? otherName, string? otherLine,
            double? maxRatio = 2.5)
        {
            Candidate piped = Add(name, given, line);
            if (otherName is not null)
            {
                context.Compare(piped, Add(otherName, given, otherLine!), maxRatio);
            }
        }
    }
}
