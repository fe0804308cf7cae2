using System.Globalization;

namespace MemProc.Tests;

/// <summary>
/// How long tests wait for what certainly happens, until they fail. A machine that is slower by far, such as an emulated
/// one, has a factor in the variable MEMPROC_TIMEOUT_FACTOR.
/// </summary>
internal static class TestTimeout
{
    private static readonly double Factor = double.TryParse(Environment.GetEnvironmentVariable("MEMPROC_TIMEOUT_FACTOR"),
        CultureInfo.InvariantCulture, out double factor) && factor > 1 ? factor : 1;

    /// <summary>Returns the time for something that takes less than this on usual machines.</summary>
    public static TimeSpan OfSeconds(int seconds) => TimeSpan.FromSeconds(seconds * Factor);
}
