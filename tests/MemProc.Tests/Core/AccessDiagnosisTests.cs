using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests that a refusal names what is missing, after a look at what the caller has.</summary>
public sealed class AccessDiagnosisTests
{
    private static readonly CallerRights User = new() { UserId = 1000, GroupId = 1000 };
    private static readonly TargetRights Other = new() { UserIds = [33, 33, 33], GroupIds = [33, 33, 33], FileOwner = 33 };
    private static readonly TargetRights Own = new() { UserIds = [1000, 1000, 1000], GroupIds = [1000, 1000, 1000], FileOwner = 1000 };

    [Fact]
    public void Two_rights_are_missing_for_a_closed_file_of_another_user() => Assert.Equal(
        "Requires CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH; you have neither. Run as root, or grant both.",
        Explain(User, Other, AccessCheck.Read, File(33, 0x100)));

    [Fact]
    public void One_right_is_missing_for_an_open_file_of_another_user() => Assert.Equal(
        "Requires CAP_SYS_PTRACE; you do not have it. Run as root, or grant it.",
        Explain(User, Other, AccessCheck.Read, File(33, 0x124)));

    [Theory]
    [InlineData(Capability.SysPtrace, "CAP_DAC_READ_SEARCH")]
    [InlineData(Capability.DacReadSearch, "CAP_SYS_PTRACE")]
    [InlineData(Capability.DacOverride, "CAP_SYS_PTRACE")]
    public void Only_the_right_that_is_missing_is_asked_for(Capability held, string missing) => Assert.EndsWith(
        $"; you do not have {missing}. Run as root, or grant it.",
        Explain(User with { Capabilities = Mask(held) }, Other, AccessCheck.Read, File(33, 0x100)), StringComparison.Ordinal);

    [Fact]
    public void A_file_that_is_written_requires_the_right_to_write()
    {
        AccessDiagnosis diagnosis = AccessDiagnosis.Of(User, Other, AccessCheck.FileMode, File(33, 0x80), OpenAccess.WriteOnly);
        Assert.Equal([Capability.DacOverride], diagnosis.Missing);
    }

    [Fact]
    public void Root_without_capabilities_is_not_told_to_become_root()
    {
        string message = Explain(new CallerRights(), Other, AccessCheck.Attach, null);
        Assert.Contains("CAP_SYS_PTRACE; you do not have it", message, StringComparison.Ordinal);
        Assert.DoesNotContain("Run as root", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rights_of_a_user_namespace_are_not_asked_for_again()
    {
        CallerRights root = new()
        {
            Capabilities = ulong.MaxValue,
            IsInInitialUserNamespace = false,
            UserMap = "         0       1000          1\n",
        };
        AccessDiagnosis outside = AccessDiagnosis.Of(
            root, Other with { UserMap = "         0          0 4294967295\n" }, AccessCheck.Attach);
        Assert.True(outside.IsRefused);
        Assert.Empty(outside.Missing);
        Assert.Equal("Requires CAP_SYS_PTRACE in the user namespace of the process; you have it only in your own. "
            + "Run outside of the container.", outside.Message);
        AccessDiagnosis inside = AccessDiagnosis.Of(root, Other with { UserMap = root.UserMap }, AccessCheck.Attach);
        Assert.False(inside.IsRefused);
        Assert.Contains("security module", inside.Message, StringComparison.Ordinal);
        Assert.StartsWith("Requires CAP_SYS_ADMIN in the initial user namespace; you have it only in your own.",
            root.Explain([Capability.SysAdmin]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, false, "a security module (SELinux, AppArmor) refuses it", "kernel's log")]
    [InlineData(null, true, "probably Landlock: this process has no_new_privs", "outside of the sandbox")]
    [InlineData("docker-default (enforce)", true, "probably AppArmor: this process has the profile docker-default (enforce)", "kernel's log")]
    [InlineData("u:r:web_t:s0", false, "probably SELinux: this process has the context u:r:web_t:s0", "kernel's log")]
    public void The_security_module_that_restricts_the_caller_is_named(string? label, bool canBeSandboxed, string named, string remedy)
    {
        CallerRights user = User with { Modules = new SecurityModules { Label = label, CanBeSandboxed = canBeSandboxed } };
        AccessDiagnosis diagnosis = AccessDiagnosis.Of(user, Own, AccessCheck.Attach);
        Assert.Equal(AccessCause.SecurityModule, diagnosis.Cause);
        Assert.Contains(named, diagnosis.Message, StringComparison.OrdinalIgnoreCase);
        Assert.Contains(remedy, diagnosis.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, false, AccessCheck.Attach, null)]
    [InlineData(1, false, AccessCheck.Attach, "kernel.yama.ptrace_scope is 1")]
    [InlineData(1, true, AccessCheck.Attach, null)]
    [InlineData(1, false, AccessCheck.Read, null)]
    [InlineData(2, true, AccessCheck.Attach, "kernel.yama.ptrace_scope is 2")]
    [InlineData(3, true, AccessCheck.Attach, "kernel.yama.ptrace_scope is 3")]
    public void The_yama_module_is_named_where_it_refuses(int scope, bool isDescendant, AccessCheck check, string? named)
    {
        AccessDiagnosis diagnosis = AccessDiagnosis.Of(
            User with { YamaScope = scope }, Own with { IsDescendant = isDescendant }, check);
        Assert.Equal(named is not null, diagnosis.IsRefused);
        Assert.Equal(named is not null, diagnosis.Message.Contains("yama", StringComparison.Ordinal));
        Assert.Contains(named ?? "security module", diagnosis.Message, StringComparison.Ordinal);
        Assert.Equal(scope is 1 or 2 && named is not null, diagnosis.Message.Contains("CAP_SYS_PTRACE", StringComparison.Ordinal));
    }

    [Fact]
    public void Yama_3_is_named_to_root_without_a_right_that_helps()
    {
        string message = Explain(new CallerRights { Capabilities = ulong.MaxValue, YamaScope = 3 }, Other, AccessCheck.Attach, null);
        Assert.Contains("kernel.yama.ptrace_scope is 3", message, StringComparison.Ordinal);
        Assert.DoesNotContain("CAP_", message, StringComparison.Ordinal);
        // Nor is a user told to run as root, which does not help.
        message = Explain(User with { YamaScope = 3 }, Other, AccessCheck.Attach, null);
        Assert.Contains("kernel.yama.ptrace_scope is 3", message, StringComparison.Ordinal);
        Assert.DoesNotContain("root", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_process_of_the_same_user_can_be_protected()
    {
        Assert.StartsWith("The process is not dumpable", Explain(User, Own with { FileOwner = 0 }, AccessCheck.Attach, null),
            StringComparison.Ordinal);
        Assert.StartsWith("The process has capabilities that you do not have. Requires CAP_SYS_PTRACE",
            Explain(User, Own with { Capabilities = Mask(Capability.SysAdmin) }, AccessCheck.Read, null), StringComparison.Ordinal);
    }

    [Fact]
    public void A_seccomp_filter_is_named_where_no_right_is_missing() => Assert.Contains("seccomp", Explain(
        User with { HasSeccompFilter = true }, Own, AccessCheck.Attach, null), StringComparison.Ordinal);

    [Fact]
    public void The_rights_of_this_process_are_read()
    {
        CallerRights rights = CallerRights.Read();
        Assert.Equal(Environment.IsPrivilegedProcess, rights.UserId == 0);
        Assert.NotEmpty(rights.UserMap);
        Assert.Equal(System.IO.File.Exists("/proc/sys/kernel/yama/ptrace_scope"), rights.YamaScope is not null);
    }

    [Theory]
    [InlineData("rw,hidepid=2,gid=7", "invisible", 7U, false)]
    [InlineData("rw,hidepid=noaccess", "noaccess", null, false)]
    [InlineData("rw,hidepid=4,subset=pid", "ptraceable", null, true)]
    [InlineData("rw", null, null, false)]
    public void Options_of_procfs_are_read(string options, string? hidePid, uint? group, bool isSubset)
    {
        using SimulatedProcess simulated = new();
        SimulatedProcess.WriteKernelFile(Path.Combine(simulated.Files.Proc, "self", "mountinfo"), System.Text.Encoding.ASCII.GetBytes(
            $"21 20 0:9 / {simulated.Files.Proc} rw - proc proc rw,hidepid=1\n22 21 0:9 / {simulated.Files.Proc} rw - proc proc {options}\n"
            + "23 21 0:9 / /elsewhere rw - proc proc rw,hidepid=1\n"));
        SimulatedProcess.WriteKernelFile(Path.Combine(simulated.Files.Sys, "kernel/security/lockdown"), "none [integrity] confidentiality\n"u8);
        CallerRights rights = CallerRights.Read(simulated.Files);
        Assert.Equal((hidePid, group, isSubset, "integrity"), (rights.HidePid, rights.HidePidGroup, rights.ShowsOnlyProcesses, rights.Lockdown));
    }

    [Theory]
    [InlineData("", "read {pid} {address} 16 --method mem", "Requires CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH; you have neither. Run as root, or grant both.")]
    [InlineData("+sys_ptrace", "pagemap {pid} {address}", "you do not have CAP_DAC_READ_SEARCH. Run as root, or grant it.")]
    [InlineData("+dac_read_search", "read {pid} {address} 16 --method mem", "you do not have CAP_SYS_PTRACE. Run as root, or grant it.")]
    [InlineData("+sys_ptrace,+dac_read_search", "pagemap {pid} {address}", "Requires CAP_SYS_ADMIN; you do not have it.", true)]
    [InlineData("", "map {pid}", "Requires CAP_SYS_PTRACE; you do not have it. Run as root, or grant it.")]
    [InlineData("+sys_ptrace", "map {pid}", "", true)]
    [InlineData("+sys_ptrace", "read {pid} {address} 16", "", true)]
    [InlineData("+sys_ptrace", "read {pid} {address} 16 --method mem", "you do not have CAP_DAC_READ_SEARCH")]
    [InlineData("+sys_ptrace", "read {pid} {address} 16 --stop", "", true)]
    [InlineData("", "read {pid} {address} 16 --stop", "Requires CAP_SYS_PTRACE; you do not have it. Run as root, or grant it.")]
    [InlineData("+sys_ptrace", "clear-soft-dirty {pid}", "CAP_DAC_OVERRIDE; you do not have it")]
    [InlineData("", "flags 1", "Requires CAP_DAC_READ_SEARCH; you do not have it. Run as root, or grant it.")]
    [InlineData("+dac_read_search", "flags 1", "", true)]
    [InlineData("", "physical", "Requires CAP_SYS_ADMIN; you do not have it. Run as root, or grant it.", true)]
    public void An_ordinary_user_is_told_what_is_missing(string capabilities, string command, string expected, bool works = false)
    {
        Requires.Root();
        if (command.StartsWith("clear-soft-dirty", StringComparison.Ordinal))
        {
            try
            {
                SoftDirty.ThrowIfUnsupported();
            }
            catch (MemProcException error)
            {
                Assert.Skip(error.Message);
            }
        }

        using TargetProcess target = TargetProcess.Start(Requires.Tool("setpriv"), "--reuid", "65533", "--regid", "65533", "--clear-groups");
        ulong address = target.Ask("garlic").Address("text");
        string[] given = capabilities.Length == 0 ? [] : ["--inh-caps", capabilities, "--ambient-caps", capabilities];
        (int exitCode, _, string errors) = Shell.Try(Requires.Tool("setpriv"), [.. MemprocTests.AsNobody, .. given, DotnetHost.Path,
            Programs.MakeWorldReadable(Programs.Memproc), .. command.Replace("{pid}", $"{target.ProcessId}", StringComparison.Ordinal)
                .Replace("{address}", $"0x{address:x}", StringComparison.Ordinal).Split(' ')]);
        Assert.True(exitCode == (works ? 0 : 1), errors);
        Assert.Contains(expected, errors, StringComparison.Ordinal);
        if (expected.Length == 0)
        {
            Assert.DoesNotContain("CAP_", errors, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("hidepid=1", "hidepid=noaccess")]
    [InlineData("hidepid=2", "hidepid=invisible")]
    [InlineData("hidepid=4", "hidepid=ptraceable")]
    [InlineData("hidepid=2,gid=4711", "Members of group 4711 (option gid=) also see it.")]
    public void The_mount_option_that_hides_a_process_is_named(string options, string expected)
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        string errors = InMountNamespace(options, $"map {target.ProcessId}");
        Assert.Contains(expected, errors, StringComparison.Ordinal);
        Assert.Contains("Requires CAP_SYS_PTRACE; you do not have it. Run as root, or grant it.", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("flags 1")]
    [InlineData("physical")]
    public void Files_that_subset_pid_hides_are_not_called_a_lack_of_the_kernel(string command)
    {
        Requires.Root();
        string errors = InMountNamespace("subset=pid", command);
        Assert.Contains("subset=pid", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("CONFIG_", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Root_of_a_user_namespace_is_told_that_its_rights_do_not_count_outside()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        (int exitCode, _, string errors) = Shell.Try(Requires.Tool("setpriv"), [.. MemprocTests.AsNobody,
            Requires.Tool("unshare"), "--user", "--map-root-user", DotnetHost.Path,
            Programs.MakeWorldReadable(Programs.Memproc), "map", $"{target.ProcessId}"]);
        Assert.SkipWhen(errors.Contains("unshare failed", StringComparison.Ordinal), "needs user namespaces of ordinary users");
        Assert.Equal(1, exitCode);
        Assert.Contains("only in your own", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("Run as root", errors, StringComparison.Ordinal);
    }

    /// <summary>Runs memproc as an ordinary user where procfs is mounted with options. Returns its errors.</summary>
    private static string InMountNamespace(string options, string command)
    {
        (int exitCode, _, string errors) = Shell.Try(Requires.Tool("unshare"), ["--mount", "/bin/sh", "-c", $"""
            mount -t proc -o {options} proc /proc || exit 77
            exec {Requires.Tool("setpriv")} {string.Join(' ', MemprocTests.AsNobody)} \
                {DotnetHost.Path} {Programs.MakeWorldReadable(Programs.Memproc)} {command}
            """]);
        Assert.SkipWhen(exitCode == 77, $"needs a /proc that can be mounted with {options}");
        Assert.Equal(1, exitCode);
        return errors;
    }

    private static string Explain(CallerRights caller, TargetRights target, AccessCheck check, FileStatus? file) =>
        AccessDiagnosis.Of(caller, target, check, file).Message;

    private static FileStatus File(uint owner, ushort mode) => new() { UserId = owner, Mode = mode };

    private static ulong Mask(Capability capability) => 1UL << (int)capability;
}
