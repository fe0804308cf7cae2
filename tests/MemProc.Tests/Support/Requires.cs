using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>What a test needs from the machine. Where it is missing the test is skipped, and says why.</summary>
internal static class Requires
{
    /// <summary>The user must be root.</summary>
    public static void Root() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root");

    /// <summary>A program must be installed.</summary>
    /// <returns>Its path.</returns>
    public static string Tool(string name)
    {
        string? path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        if (path is null)
        {
            Assert.Skip($"needs {name}, which is not in PATH");
        }

        return path;
    }

    /// <summary>page-types of the kernel's source, to compare with.</summary>
    /// <returns>Its path: of the variable PAGE_TYPES, or from PATH.</returns>
    public static string PageTypes() => Environment.GetEnvironmentVariable("PAGE_TYPES") is { Length: > 0 } path
        ? path
        : Tool("page-types");

    /// <summary>The kernel must know an ioctl: the answer to one must not be ENOTTY.</summary>
    public static void Request(Errno answer, string request) =>
        Assert.SkipWhen(answer == Errno.ENOTTY, $"needs {request}, which this kernel does not have");

    /// <summary>Writes of others to a touched page of the target must be refused, though it stays writable to see.</summary>
    public static void Refusal(TargetProcess target, ulong address) => WriteProtection(target, "refuse", address);

    /// <summary>Writes of others to a touched page of the target must wait until it ends.</summary>
    public static void Stall(TargetProcess target, ulong address)
    {
        Root();
        WriteProtection(target, "stall", address);
    }

    private static void WriteProtection(TargetProcess target, string command, ulong address)
    {
        try
        {
            target.Ask($"{command} {address} {Page.Size}");
        }
        catch (TargetException refused)
        {
            Assert.Skip($"needs write protection by userfaultfd: {refused.Message}");
        }
    }
}
