using System.Globalization;
using System.Runtime.InteropServices;

namespace MemProc.Bench;

/// <summary>What the figures were measured on.</summary>
internal static class Machine
{
    /// <summary>Memory that can be had without swapping, bytes.</summary>
    public static ulong AvailableBytes => 1024 * ulong.Parse(
        File.ReadLines("/proc/meminfo").First(line => line.StartsWith("MemAvailable:", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture);

    /// <summary>Processor, memory, kernel, runtime, date and load, in one line each.</summary>
    public static IEnumerable<string> Describe()
    {
        string model = File.ReadLines("/proc/cpuinfo")
            .FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(": ")[^1]
            ?? "unknown";
        yield return $"Processor: {model}, {RuntimeInformation.ProcessArchitecture}, "
            + $"{Environment.ProcessorCount} cores";
        yield return $"Memory: {HumanSize.Format((ulong)GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)}, pages of "
            + HumanSize.Format(MachinePage.SizeBytes);
        yield return $"Kernel: Linux {Environment.OSVersion.Version.ToString(3)}";
        yield return $"Runtime: {RuntimeInformation.FrameworkDescription}";
        yield return $"Date: {DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}";
        yield return $"Load at the start: {File.ReadAllText("/proc/loadavg").Split(' ')[0]}";
    }
}
