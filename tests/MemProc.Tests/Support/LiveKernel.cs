namespace MemProc.Tests;

/// <summary>The kernel memory of this machine.</summary>
internal static class LiveKernel
{
    /// <summary>How tests read it: the variable MEMPROC_KERNEL_SOURCE, or what the machine allows.</summary>
    public static KernelReadSource Source { get; } =
        Enum.TryParse(Environment.GetEnvironmentVariable("MEMPROC_KERNEL_SOURCE"), out KernelReadSource source)
            ? source : KernelReadSource.Auto;

    /// <summary>Skips the test with the reason if it cannot be read.</summary>
    public static void Require()
    {
        Tests.Requires.Root();
        try
        {
            using PageTableReader reader = new(Source);
            _ = reader.Source;
        }
        catch (MemProcException error)
        {
            Assert.Skip(error.Message);
        }
    }
}
