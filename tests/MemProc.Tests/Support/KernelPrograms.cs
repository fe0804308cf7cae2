namespace MemProc.Tests;

/// <summary>bpf programs that this process holds open, as <c>/proc/self/fdinfo</c> tells.</summary>
internal static class KernelPrograms
{
    /// <summary>Tests that load programs run one after another: their number is that of one test.</summary>
    public const string Collection = "kernel programs";

    /// <summary>How many there are.</summary>
    public static int CountOurs() => Directory.EnumerateFiles("/proc/self/fdinfo").Count(IsProgram);

    private static bool IsProgram(string file)
    {
        try
        {
            return File.ReadAllText(file).Contains("prog_type:", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            // Closed meanwhile by another test.
            return false;
        }
    }
}
