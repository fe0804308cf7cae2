using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace MemProc.Tests;

/// <summary>
/// A guest that boots, runs all parts of its configuration, and powers off. Its root is that of this machine, read-only; its
/// /tmp is a disk of its own, another one is for swap; results come back in a shared folder.
/// </summary>
internal sealed class Guest
{
    private const string ScratchBytes = "2G";
    private const string SwapBytes = "512M";

    private readonly Dictionary<string, GuestResult> _results = [];

    private Guest(TimeSpan bootTime, TimeSpan totalTime, string console)
    {
        BootTime = bootTime;
        TotalTime = totalTime;
        Console = console;
    }

    /// <summary>Time until the first part began.</summary>
    public TimeSpan BootTime { get; }

    /// <summary>Time until the machine was off.</summary>
    public TimeSpan TotalTime { get; }

    /// <summary>The end of what the kernel printed.</summary>
    public string Console { get; }

    /// <summary>Returns the result of a part.</summary>
    public GuestResult ResultOf(string part) => _results.GetValueOrDefault(part)
        ?? new GuestResult(null, $"The guest did not get to this part. {Console}");

    /// <summary>How long a guest may run until it is killed.</summary>
    private static TimeSpan Timeout => TimeSpan.FromMinutes(
        double.TryParse(Environment.GetEnvironmentVariable("MEMPROC_GUEST_MINUTES"), CultureInfo.InvariantCulture, out double minutes)
            ? minutes : 60);

    /// <summary>Returns the path of a program; skips the test where it is not installed.</summary>
    public static string Tool(string name)
    {
        string? path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Append("/sbin")
            .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        Assert.SkipWhen(path is null, $"needs {name}, which is not in PATH");
        return path!;
    }

    /// <summary>Runs a line of the shell, which must succeed.</summary>
    public static void Shell(string line)
    {
        using Process process = Process.Start("/bin/sh", ["-c", line]);
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{line}: exit code {process.ExitCode}");
    }

    /// <summary>Boots a configuration and waits until it is off.</summary>
    public static Guest Run(GuestConfiguration configuration)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root, whose files the guest reads");
        string qemu = Tool("qemu-system-x86_64");
        string make = Tool("mke2fs");
        GuestKernel? kernel = GuestKernel.Find(configuration.Kernel, "amd64");
        Assert.SkipWhen(kernel is null, $"needs a kernel {configuration.Kernel}* in {GuestKernel.Cache}: see tests/Guest/get-kernels");
        Array.ForEach(["cpio", "xz", "gzip"], name => Tool(name));
        // Not in /tmp, which is often small: the disk of a guest is large and has holes.
        DirectoryInfo folder = Directory.CreateDirectory($"/var/tmp/memproc-guest-{Guid.NewGuid():n}");
        try
        {
            string results = folder.CreateSubdirectory("results").FullName;
            string scratch = Path.Combine(folder.FullName, "scratch.img"), swap = Path.Combine(folder.FullName, "swap.img");
            Shell($"truncate -s {ScratchBytes} '{scratch}' && '{make}' -q -t ext4 -E lazy_itable_init=1,lazy_journal_init=1 '{scratch}'");
            Shell($"truncate -s {SwapBytes} '{swap}'");
            File.WriteAllText(Path.Combine(results, "run"), ScriptOf(configuration));
            string[] arguments =
            [
                "-M", "pc", "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "2048", "-nic", "none", "-no-reboot",
                "-display", "none", "-serial", $"file:{folder.FullName}/console",
                "-kernel", kernel!.Image, "-initrd", kernel.WriteInitialFiles(folder.FullName),
                "-append", $"console=ttyS0 quiet panic=-1 memproc.repo={GuestPrograms.Repository} {configuration.Parameters}",
                "-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap",
                "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
                "-fsdev", $"local,id=results,path={results},security_model=none",
                "-device", "virtio-9p-pci,fsdev=results,mount_tag=results",
                "-drive", $"file={scratch},format=raw,if=virtio", "-drive", $"file={swap},format=raw,if=virtio",
            ];
            Stopwatch watch = Stopwatch.StartNew();
            using Process process = Process.Start(new ProcessStartInfo(qemu, arguments))!;
            bool isOff = process.WaitForExit(Timeout);
            if (!isOff)
            {
                process.Kill();
                process.WaitForExit();
            }

            return Collect(configuration, folder.FullName, results, watch.Elapsed, isOff);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static Guest Collect(
        GuestConfiguration configuration, string folder, string results, TimeSpan total, bool isOff)
    {
        string console = File.Exists($"{folder}/console") ? File.ReadAllText($"{folder}/console") : string.Empty;
        Guest guest = new(Uptime(Path.Combine(results, "begun")) ?? total, total, (isOff ? "" : $"It was killed after {total.TotalMinutes:f0} minutes. ")
            + console[Math.Max(0, console.Length - 2000)..]);
        foreach (string part in configuration.Parts)
        {
            string code = Path.Combine(results, $"{part}.code"), output = Path.Combine(results, $"{part}.output");
            if (File.Exists(output))
            {
                guest._results[part] = new GuestResult(
                    File.Exists(code) ? int.Parse(File.ReadAllText(code), CultureInfo.InvariantCulture) : null,
                    File.ReadAllText(output))
                {
                    Time = Uptime(Path.Combine(results, $"{part}.ended")) - Uptime(Path.Combine(results, $"{part}.begun")),
                };
            }
        }

        return guest;
    }

    /// <summary>Reads a copy of /proc/uptime; null where the guest did not get there.</summary>
    private static TimeSpan? Uptime(string path) => File.Exists(path)
        && double.TryParse(File.ReadAllText(path).Split(' ')[0], CultureInfo.InvariantCulture, out double seconds)
        ? TimeSpan.FromSeconds(seconds) : null;

    /// <summary>Returns what the guest runs after it has mounted everything.</summary>
    private static string ScriptOf(GuestConfiguration configuration)
    {
        StringBuilder script = new();
        script.AppendLine(CultureInfo.InvariantCulture, $"""
            #!/bin/bash
            export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp/home TERM=dumb LC_ALL=C
            export MEMPROC_GUEST=1 MEMPROC_TIMEOUT_FACTOR=20 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_EnableDiagnostics=0
            export DOTNET_TieredPGO=0 DOTNET_TieredCompilation=1 NO_COLOR=1
            export MEMPROC='{GuestPrograms.Memproc}' MEMPROC_ASSEMBLY='{GuestPrograms.MemprocAssembly}'
            export TARGET='{GuestPrograms.Target}' MODULE='{GuestPrograms.Repository}/MemProc.psd1'
            export PWSH='{GuestPrograms.Pwsh}' PAGE_TYPES='{GuestKernel.PageTypes}' MEMPROC_GUEST_SWAP=/dev/vdb
            export KERNEL_REASONS='{configuration.KernelReasons}' MEMORY_REASONS='{configuration.MemoryReasons}'
            cp /proc/uptime /run/results/begun
            {configuration.Prepare}
            cd /tmp
            """);
        foreach (string part in configuration.Parts)
        {
            string command = GuestParts.ClassesOf(part) is string[] classes
                ? (part.EndsWith(GuestParts.ByKcore, StringComparison.Ordinal) ? "MEMPROC_KERNEL_SOURCE=Kcore " : "") + $"dotnet '{GuestPrograms.Tests}' -noLogo -noColor -parallelMode none "
                    + string.Join(' ', classes.Select(name => $"-class MemProc.Tests.{name}"))
                : part == "cmdlets"
                ? $"dotnet '{GuestPrograms.Pwsh}' -NoProfile -NonInteractive -File '{GuestPrograms.Scripts}/cmdlets.ps1'"
                : $"bash '{GuestPrograms.Scripts}/{part}'";
            script.AppendLine(CultureInfo.InvariantCulture,
                $"cp /proc/uptime /run/results/{part}.begun; {command} > /run/results/{part}.output 2>&1; "
                + $"echo $? > /run/results/{part}.code; cp /proc/uptime /run/results/{part}.ended");
        }

        return script.AppendLine("dmesg | tail -n 60 > /run/results/log; sync; echo o > /proc/sysrq-trigger; sleep 60").ToString();
    }
}

/// <summary>The result of a part.</summary>
/// <param name="ExitCode">Its exit code; null if it did not end.</param>
/// <param name="Output">What it printed.</param>
internal sealed record GuestResult(int? ExitCode, string Output)
{
    /// <summary>How long it ran; null if it did not end.</summary>
    public TimeSpan? Time { get; init; }
}
