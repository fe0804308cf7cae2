using System.Globalization;

namespace MemProc.Tests;

/// <summary>bpf programs and their maps, as the kernel counts them on the whole machine.</summary>
internal static class KernelPrograms
{
    /// <summary>Tests that load programs run one after another: what is loaded is of one test.</summary>
    public const string Collection = "kernel programs";

    /// <summary>A program that nobody holds any more is freed a little later (a grace period of RCU).</summary>
    private const int MaxPolls = 1000;

    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(10);

    /// <summary>What this process holds open, as <c>/proc/self/fdinfo</c> tells.</summary>
    public static KernelObjects Loaded()
    {
        string[] lines = [.. Directory.EnumerateFiles("/proc/self/fdinfo").SelectMany(Lines)];
        return new KernelObjects(Ids(lines, "prog_id:"), Ids(lines, "map_id:"));
    }

    /// <summary>What a process has loaded and the kernel still has.</summary>
    /// <param name="witness">Who asks the kernel; it must be root's.</param>
    /// <param name="processId">Who loaded it.</param>
    public static KernelObjects LoadedBy(TargetProcess witness, int processId)
    {
        TargetReply reply = witness.Ask($"bpf memproc_{processId}");
        return new KernelObjects(Ids(reply.Text("programs")), Ids(reply.Text("maps")));
    }

    /// <summary>Shows that nothing that a process has loaded is left.</summary>
    /// <param name="witness">Who asks the kernel; it must be root's.</param>
    /// <param name="processId">Who loaded it.</param>
    /// <param name="besides">What was there before.</param>
    public static void AssertGone(TargetProcess witness, int processId, KernelObjects? besides = null)
    {
        KernelObjects left = new([], []);
        for (int look = 0; look < MaxPolls; look++)
        {
            left = LoadedBy(witness, processId).Without(besides ?? new KernelObjects([], []));
            if (left.IsEmpty)
            {
                return;
            }

            Thread.Sleep(PollInterval);
        }

        Assert.Fail($"Process {processId} has left in the kernel: {left}.");
    }

    private static uint[] Ids(string text) =>
        [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(id => uint.Parse(id, CultureInfo.InvariantCulture))];

    private static uint[] Ids(string[] lines, string key) =>
        [.. lines.Where(line => line.StartsWith(key, StringComparison.Ordinal))
            .Select(line => uint.Parse(line.AsSpan(key.Length).Trim(), CultureInfo.InvariantCulture)).Distinct().Order()];

    private static string[] Lines(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (IOException)
        {
            // Closed meanwhile by another test.
            return [];
        }
    }
}
