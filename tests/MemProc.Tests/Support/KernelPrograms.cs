using System.Globalization;

namespace MemProc.Tests;

/// <summary>bpf programs and their maps, as the kernel lists them for the whole machine.</summary>
internal static class KernelPrograms
{
    /// <summary>Tests that load programs run one after another, so that loaded programs belong to one test.</summary>
    public const string Collection = "kernel programs";

    /// <summary>Programs without references are freed with a delay (after an RCU grace period).</summary>
    private const int MaxPolls = 1000;

    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(10);

    /// <summary>Programs and maps that this process holds open, from <c>/proc/self/fdinfo</c>.</summary>
    public static KernelObjects Loaded()
    {
        string[] lines = [.. Directory.EnumerateFiles("/proc/self/fdinfo").SelectMany(Lines)];
        return new KernelObjects(Ids(lines, "prog_id:"), Ids(lines, "map_id:"));
    }

    /// <summary>Returns what a process has loaded and the kernel has not freed.</summary>
    /// <param name="witness">The process that queries the kernel; it must run as root.</param>
    /// <param name="processId">The process that loaded it.</param>
    public static KernelObjects LoadedBy(TargetProcess witness, int processId)
    {
        TargetReply reply = witness.Ask($"bpf memproc_{processId}");
        return new KernelObjects(Ids(reply.Text("programs")), Ids(reply.Text("maps")));
    }

    /// <summary>Asserts that nothing that a process has loaded is left.</summary>
    /// <param name="witness">The process that queries the kernel; it must run as root.</param>
    /// <param name="processId">The process that loaded it.</param>
    /// <param name="besides">Programs and maps from before.</param>
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
            // Closed in the meantime by another test.
            return [];
        }
    }
}
