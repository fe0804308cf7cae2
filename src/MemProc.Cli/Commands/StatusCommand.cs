using System.CommandLine;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc status</c>: shows the memory counters of a process.</summary>
internal sealed class StatusCommand : TargetCommand
{
    private readonly Option<bool> _detailed = CommandOptions.Switch(
        "--detailed", "Read all page tables for shared, private and dirty memory: Pss, Uss and more");

    private readonly Option<MemoryStatusMethod?> _method = CommandOptions.EnumOption<MemoryStatusMethod>(
        "--method", "METHOD", "How --detailed sums; pages delays the process for microseconds only");

    private readonly Option<bool> _headroom = CommandOptions.Switch(
        "--headroom", "Show limits: mappings, locked memory, the cgroup, swap, the OOM score, KSM");

    public StatusCommand()
        : base("status", "Shows how much memory a process has, by type.",
            "memproc status self",
            "memproc status 1234 --detailed",
            "memproc status 1234 --detailed --method pages",
            "memproc status 1234 --headroom",
            "memproc status 1234 --detailed --json | jq .ussBytes")
    {
        Options.Add(_detailed);
        Options.Add(_method);
        Options.Add(_headroom);
    }

    protected override string? Validate(ParseResult parseResult) =>
        parseResult.GetValue(_detailed) && parseResult.GetValue(_headroom)
            ? "--headroom cannot be combined with --detailed."
            : parseResult.Has(_method) && !parseResult.GetValue(_detailed) ? "--method requires --detailed."
            : null;

    protected override void Run(
        MemoryTarget process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        if (parseResult.GetValue(_headroom))
        {
            Write(MemoryHeadroomReader.Read(process, cancellation), output);
        }
        else if (parseResult.GetValue(_method) == MemoryStatusMethod.Pages)
        {
            ProcMemoryStatusPages pages = new PageMemoryMeter(Live(process, "--method pages"), cancellation).Read();
            if (pages.PssBytes is null)
            {
                output.WarnOnce(PageMemoryMeter.CountsHidden);
            }

            Write(pages, pages.UssBytes, output);
            if (!output.IsJson)
            {
                output.WriteLine($"{"Uncertain",-16} {ConsoleFormat.Size(pages.UncertainBytes),10}");
                output.WriteLine(string.Create(
                    CultureInfo.InvariantCulture, $"{"MaxLock",-16} {pages.MaxLockMicroseconds,7:0} µs"));
            }
        }
        else if (parseResult.GetValue(_detailed))
        {
            ProcMemoryStatusDetail detail = MemoryStatusReader.ReadDetailed(process);
            Write(detail, detail.UssBytes, output);
        }
        else
        {
            Write(MemoryStatusReader.Read(process), null, output);
        }
    }

    private static void Write<T>(T status, ulong? ussBytes, Output output)
        where T : ProcMemoryStatus
    {
        if (output.IsJson)
        {
            output.WriteJson(status);
            return;
        }

        output.WriteLine($"Process {status.ProcessId} ({SafeText.Escape(status.ProcessName)}), {status.State ?? "-"}, "
            + $"threads: {status.ThreadCount}");
        foreach ((string counter, ulong bytes) in status.Counters)
        {
            WriteCounter(counter, bytes, output);
        }

        // The one sum that the kernel does not report.
        if (ussBytes is ulong uss)
        {
            WriteCounter("Uss", uss, output);
        }
    }

    private static void Write(ProcMemoryHeadroom status, Output output)
    {
        if (status.HiddenFiles.Count > 0)
        {
            output.WarnOnce(MemoryHeadroomReader.SomeHidden);
        }

        if (output.IsJson)
        {
            output.WriteJson(status);
            return;
        }

        output.WriteLine($"Process {status.ProcessId} ({SafeText.Escape(status.ProcessName)}), {status.State ?? "-"}, "
            + $"threads: {status.ThreadCount}");
        foreach ((string name, string? value) in ((string, string?)[])
        [
            ("Mappings", $"{status.MapCount?.ToString(CultureInfo.InvariantCulture) ?? "?"} of {status.MaxMapCount}"),
            ("AddressSpace", Of(status.VmSizeBytes, status.AddressSpaceLimitBytes)),
            ("Locked", Of(status.VmLckBytes, status.LockedLimitBytes)),
            ("Data", Of(status.VmDataBytes, status.DataLimitBytes)),
            ("Stack", Of(status.VmStkBytes, status.StackLimitBytes)),
            ("Resident", ConsoleFormat.Size(status.VmRssBytes)),
            ("Swap", ConsoleFormat.Size(status.VmSwapBytes)),
            ("OomScore", $"{status.OomScore} (adjusted by {status.OomScoreAdj})"),
            ("Cgroup", status.CgroupPath is string path ? SafeText.Escape(path) : null),
            ("CgroupMemory", Of(status.CgroupCurrentBytes, status.CgroupMaxBytes)),
            ("CgroupHigh", status.CgroupHighBytes is ulong high ? Limit(high) : null),
            ("CgroupSwap", Of(status.CgroupSwapCurrentBytes, status.CgroupSwapMaxBytes)),
            ("CgroupAvailable", status.CgroupAvailableBytes is not ulong left ? null
                : status.CgroupLimitingPath is string limiting ? $"{Limit(left)}, limited by {SafeText.Escape(limiting)}"
                : Limit(left)),
            ("SystemAvailable", ConsoleFormat.Size(status.SystemAvailableBytes)),
            ("SystemSwapFree", Of(status.SystemSwapFreeBytes, status.SystemSwapTotalBytes)),
            ("KsmMergingPages", status.KsmMergingPages?.ToString(CultureInfo.InvariantCulture)),
            ("KsmZeroPages", status.KsmZeroPages?.ToString(CultureInfo.InvariantCulture)),
            ("KsmProfitBytes", status.KsmProfitBytes?.ToString(CultureInfo.InvariantCulture)),
        ])
        {
            output.WriteLine($"{name,-16} {value ?? "-"}");
        }
    }

    private static string? Of(ulong? bytes, ulong? limit) => bytes is null && limit is null ? null
        : limit is null ? HumanSize.Format(bytes!.Value)
        : $"{(bytes is ulong used ? HumanSize.Format(used) : "?")} of {Limit(limit.Value)}";

    private static string Limit(ulong bytes) => bytes == ulong.MaxValue ? "unlimited" : HumanSize.Format(bytes);

    private static void WriteCounter(string name, ulong bytes, Output output) =>
        output.WriteLine($"{SafeText.Escape(name),-16} {HumanSize.Format(bytes),10}");
}
