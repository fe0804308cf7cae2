using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Requirements of a test. A test whose requirement is missing is skipped with the reason.</summary>
internal static class Requires
{
    /// <summary>Requires root.</summary>
    public static void Root() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root");

    /// <summary>
    /// Requires a machine that the test may damage: a guest of tests/Guest, which sets the variable MEMPROC_GUEST.
    /// </summary>
    public static void Guest() => Assert.SkipWhen(
        Environment.GetEnvironmentVariable("MEMPROC_GUEST") is null or "", "runs in a guest only: see tests/Guest");

    /// <summary>Requires an installed program.</summary>
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

    /// <summary>Requires page-types from the kernel's source, to compare with.</summary>
    /// <returns>Its path: from the variable PAGE_TYPES, or from PATH.</returns>
    public static string PageTypes() => Environment.GetEnvironmentVariable("PAGE_TYPES") is { Length: > 0 } path
        ? path
        : Tool("page-types");

    /// <summary>Requires an ioctl: its result must not be ENOTTY.</summary>
    public static void Request(Errno answer, string request) =>
        Assert.SkipWhen(answer == Errno.ENOTTY, $"needs {request}, which this kernel does not have");

    /// <summary>Makes writes of other processes to a touched page of the target fail. maps shows it as writable.</summary>
    public static void Refusal(TargetProcess target, ulong address) => WriteProtection(target, "refuse", address);

    /// <summary>Makes writes of other processes to a touched page of the target wait until the target exits.</summary>
    public static void Stall(TargetProcess target, ulong address)
    {
        Root();
        WriteProtection(target, "stall", address);
    }

    /// <summary>Sends a command that needs userfaultfd(2) to a target.</summary>
    public static void Userfault(TargetProcess target, string command)
    {
        Root();
        try
        {
            target.Ask(command);
        }
        catch (TargetException refused)
        {
            Assert.Skip($"needs userfaultfd: {refused.Message}");
        }
    }

    /// <summary>Makes pages of the target a guard region (MADV_GUARD_INSTALL).</summary>
    public static void Guard(TargetProcess target, ulong address, ulong length)
    {
        try
        {
            target.Ask($"advise {address} {length} 102");
        }
        catch (TargetException)
        {
            Assert.Skip("needs guard regions (Linux 6.13)");
        }
    }

    /// <summary>Names anonymous memory of the target.</summary>
    public static void Name(TargetProcess target, ulong address, ulong length, string name)
    {
        try
        {
            target.Ask($"name {address} {length} {name}");
        }
        catch (TargetException refused) when (refused.Message.Contains("prctl", StringComparison.Ordinal))
        {
            Assert.Skip("needs named anonymous memory (CONFIG_ANON_VMA_NAME)");
        }
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
