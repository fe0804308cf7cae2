namespace MemProc.Tests;

/// <summary>The kernel's memory of this very machine.</summary>
internal static class LiveKernel
{
    /// <summary>Skips the test where it cannot be read, with the reason.</summary>
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
