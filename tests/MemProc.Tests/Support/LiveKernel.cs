namespace MemProc.Tests;

/// <summary>The kernel memory of this machine.</summary>
internal static class LiveKernel
{
    /// <summary>Skips the test with the reason if it cannot be read.</summary>
    public static void Require()
    {
        Tests.Requires.Root();
        try
        {
            using PageTableReader reader = new();
            _ = reader.Source;
        }
        catch (MemProcException error)
        {
            Assert.Skip(error.Message);
        }
    }
}
