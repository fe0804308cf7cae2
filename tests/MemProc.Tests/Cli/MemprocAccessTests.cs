using System.Text.Json;

namespace MemProc.Tests;

/// <summary>Tests <c>memproc access</c> and <c>memproc picture</c>. TestProcMemAccess.Tests.ps1 compares each answer with what works.</summary>
public sealed class MemprocAccessTests : TargetTests
{
    /// <summary>Starts a program with a seccomp filter that refuses process_vm_readv(2) and process_vm_writev(2).</summary>
    private const string Filter = """
        #include <linux/filter.h>
        #include <linux/seccomp.h>
        #include <stddef.h>
        #include <sys/prctl.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        int main(int argc, char **argv)
        {
            struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_process_vm_readv, 2, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_process_vm_writev, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
            };
            struct sock_fprog program = { 5, code };
            if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
                return 77;
            execv(argv[1], argv + 1);
            return 78;
        }
        """;

    [Fact]
    public void Everything_is_listed_as_text_and_json()
    {
        (int exitCode, string output, string errors) = MemprocTests.Memproc("access", $"{Target.ProcessId}");
        Assert.Equal((0, ""), (exitCode, errors));
        Assert.Matches(@"\nmaps +yes +tried +-\n", output);
        JsonElement[] rows = MemprocTests.Json("access", $"{Target.ProcessId}", "--ability", "maps", "--ability", "stop", "--json");
        Assert.Equal(["maps", "stop"], rows.Select(row => row.GetProperty("ability").GetString()));
        Assert.Equal([false, true], rows.Select(row => row.GetProperty("isPredicted").GetBoolean()));
    }

    [Fact]
    public void A_tracer_is_named()
    {
        using ProcessStop stop = ProcessStop.Begin(Process, TestContext.Current.CancellationToken);
        JsonElement row = Assert.Single(MemprocTests.Json("access", $"{Target.ProcessId}", "--ability", "stop", "--json"));
        Assert.Equal("traced", row.GetProperty("cause").GetString());
    }

    [Fact]
    public void A_seccomp_filter_is_found_and_the_file_is_used_instead()
    {
        using TemporaryFolder folder = new();
        string filter = CCompiler.Build(Path.Combine(folder.Path, "filter"), Filter, "gcc", "-x", "c");
        ulong address = Target.Ask("garlic").Address("text");
        (int ExitCode, string Output, string Errors) Filtered(params string[] arguments) =>
            Shell.Try(filter, [Programs.MemprocHost, Programs.Memproc, .. arguments]);
        (int exitCode, string output, string errors) = Filtered("access", $"{Target.ProcessId}", "--json");
        Assert.SkipWhen(exitCode == 77, "needs seccomp filters");
        Assert.True(exitCode == 0, errors);
        Dictionary<string, string> causes = output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement)
            .ToDictionary(row => row.GetProperty("ability").GetString()!, row => row.GetProperty("cause").GetString()!);
        Assert.Equal(("seccomp", "none", "none"), (causes["read-process-vm"], causes["read-mem"], causes["write"]));
        // What is allowed works.
        Assert.Equal(0, Filtered("read", $"{Target.ProcessId}", $"0x{address:x}", "6").ExitCode);
        Assert.Equal(0, Filtered("write", $"{Target.ProcessId}", $"0x{address:x}", "--text", "onions", "--yes").ExitCode);
        Assert.Equal("onions", Target.Ask($"say {address}").Text("text"));
    }

    [Fact]
    public void Pictures_have_the_width_and_no_colors_in_a_pipe()
    {
        (int exitCode, string output, string errors) = MemprocTests.Memproc("picture", $"{Target.ProcessId}", "--width", "60", "--by", "residency");
        Assert.Equal((0, ""), (exitCode, errors));
        Assert.DoesNotContain('\x1b', output);
        Assert.All(output.Split('\n').Skip(1), line => Assert.True(line.Length <= 60, line));
        JsonElement picture = Assert.Single(MemprocTests.Json("picture", $"{Target.ProcessId}", "--json"));
        Assert.StartsWith("0x", picture.GetProperty("regions")[0].GetProperty("start").GetString(), StringComparison.Ordinal);
        using TemporaryFolder folder = new();
        string file = Path.Combine(folder.Path, "map.svg");
        Assert.Equal(0, MemprocTests.Memproc("picture", $"{Target.ProcessId}", "--out", file).ExitCode);
        Assert.StartsWith("<svg", File.ReadAllText(file), StringComparison.Ordinal);
        Assert.Equal(1, MemprocTests.Memproc("picture", $"{Target.ProcessId}", "--out", file).ExitCode);
        Assert.Contains(".svg or .html", MemprocTests.Memproc("picture", "self", "--out", "map.png").Errors, StringComparison.Ordinal);
        Assert.Equal(1, MemprocTests.Memproc("picture", "self", "--by", "owner").ExitCode);
    }
}
