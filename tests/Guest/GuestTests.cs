using System.Collections.Concurrent;
using System.Text.RegularExpressions;

namespace MemProc.Tests;

/// <summary>
/// Runs parts of the tests on other kernels. Each boot is one guest under qemu, one after another; its parts are the tests
/// here. Without further settings only the configurations that are usual run; the variable MEMPROC_GUEST_RUN is <c>all</c>,
/// or names of configurations, separated by commas.
/// </summary>
public sealed class GuestTests(ITestOutputHelper output)
{
    private static readonly ConcurrentDictionary<string, Lazy<Guest>> Booted = new(StringComparer.Ordinal);

    /// <summary>Each part of each configuration that this run boots.</summary>
    public static TheoryData<string, string> Parts()
    {
        TheoryData<string, string> data = [];
        string? run = Environment.GetEnvironmentVariable("MEMPROC_GUEST_RUN");
        foreach (GuestConfiguration configuration in GuestConfiguration.All.Where(boot =>
            string.IsNullOrEmpty(run) ? boot.IsUsual : run == "all" || run.Split(',').Contains(boot.Name)))
        {
            foreach (string part in configuration.Parts)
            {
                data.Add(configuration.Name, part);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Parts))]
    public void A_part_works_or_names_what_is_missing(string configuration, string part)
    {
        GuestConfiguration boot = GuestConfiguration.All.Single(known => known.Name == configuration);
        Guest guest = Booted.GetOrAdd(configuration, _ => new Lazy<Guest>(() => Guest.Run(boot))).Value;
        GuestResult result = guest.ResultOf(part);
        output.WriteLine($"booted in {guest.BootTime.TotalSeconds:f0} s, off after {guest.TotalTime.TotalSeconds:f0} s");
        output.WriteLine($"{part} took {result.Time?.TotalMinutes ?? double.NaN:f1} minutes");
        output.WriteLine(result.Output);
        Assert.True(result.ExitCode is not null, $"{part} did not end: {result.Output[Math.Max(0, result.Output.Length - 4000)..]}");
        if (GuestParts.ClassesOf(part) is not null)
        {
            Assert.True(result.ExitCode == 0, result.Output);
            Assert.False(boot.CompleteParts.Contains(part) && result.Output.Contains("[SKIP]", StringComparison.Ordinal), result.Output);
            return;
        }

        string[] lines = [.. result.Output.Split('\n').Where(line => line.Contains('\t', StringComparison.Ordinal))];
        Assert.InRange(lines.Length, 20, int.MaxValue);
        Assert.DoesNotContain(lines, line => line.Contains("\tfailed", StringComparison.Ordinal));
    }

    [Fact]
    public void Every_cmdlet_runs_in_the_part_cmdlets()
    {
        string manifest = File.ReadAllText(Path.Combine(GuestPrograms.Repository, "MemProc.psd1"));
        string script = File.ReadAllText(Path.Combine(GuestPrograms.Scripts, "cmdlets.ps1"));
        string exported = manifest[manifest.IndexOf("CmdletsToExport", StringComparison.Ordinal)
            ..manifest.IndexOf("FunctionsToExport", StringComparison.Ordinal)];
        string[] cmdlets = [.. Regex.Matches(exported, "'([A-Z][A-Za-z]+-[A-Za-z]+)'").Select(match => match.Groups[1].Value)];
        Assert.InRange(cmdlets.Length, 40, int.MaxValue);
        Assert.All(cmdlets, name => Assert.Matches($"Test-Cmdlet \"?{name}[ \"]", script));
    }

    [Fact]
    public void The_classes_of_the_parts_exist()
    {
        string folder = Path.Combine(GuestPrograms.Repository, "tests", "MemProc.Tests");
        HashSet<string?> files = [.. Directory.EnumerateFiles(folder, "*Tests.cs", SearchOption.AllDirectories)
            .Select(Path.GetFileNameWithoutExtension)];
        Assert.All(GuestParts.Classes.Values.SelectMany(classes => classes), name => Assert.Contains(name, files));
        Assert.All(GuestConfiguration.All.SelectMany(boot => boot.Parts), part => Assert.True(
            GuestParts.ClassesOf(part) is not null || part == "cmdlets" || File.Exists(Path.Combine(GuestPrograms.Scripts, part))));
    }
}
