using System.Text.Json;
using static MemProc.Tests.MemprocTests;

namespace MemProc.Tests;

/// <summary>Tests <c>memproc</c> with core files.</summary>
public sealed class MemprocCoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TargetProcess _target = TargetProcess.Start();
    private readonly string _core;

    public MemprocCoreTests()
    {
        using LinuxProcess process = LinuxProcess.Open(_target.ProcessId);
        _target.Ask("garlic");
        _core = CoreMaker.Save(process, _folder);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _target.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_core_stands_for_a_process_wherever_the_option_is()
    {
        JsonElement[] maps = Json("map", "--core", _core, "--kind", "stack", "--json");
        Assert.Equal((_target.ProcessId, _core),
            (maps[0].GetProperty("processId").GetInt32(), maps[0].GetProperty("corePath").GetString()));
        Assert.False(Json("map", $"{_target.ProcessId}", "--kind", "stack", "--json")[0].TryGetProperty("corePath", out _));
        string address = Json("search", "--core", _core, "--text", "garlic", "--first", "1", "--json")[0].GetProperty("address").GetString()!;
        Assert.Equal("garlic", Memproc("read", address, "6", "--raw", $"--core={_core}").Output);
        Assert.Equal("garlic", Memproc("read", "--core", _core, address, "6", "--raw").Output);
        Assert.Contains("libc.so.6!malloc", Memproc("resolve", "--core", _core, "libc.so.6!malloc").Output, StringComparison.Ordinal);
        Assert.Contains("VmRSS", Memproc("status", "--core", _core).Output, StringComparison.Ordinal);
        Assert.Equal(_target.ProcessId, Json("core", _core, "--json")[0].GetProperty("processId").GetInt32());
        Assert.Contains("Thread ", Memproc("core", _core).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Page_information_is_saved_and_read()
    {
        string path = Path.Combine(_folder.Path, "pages");
        Assert.Equal(0, Memproc("save", $"{_target.ProcessId}", path, "--stop", "--page-info", "--no-content").ExitCode);
        JsonElement page = Json("pagemap", "--core", path, "--anonymous", "--present", "--json")[0];
        Assert.Equal(path, page.GetProperty("corePath").GetString());
        Assert.Contains("Rss", Memproc("map", "--core", path, "--detailed").Output, StringComparison.Ordinal);
        Assert.Contains("Stack", Memproc("status", "--core", path, "--headroom").Output, StringComparison.Ordinal);
        Assert.Contains("Kernel   Linux version", Memproc("core", path).Output, StringComparison.Ordinal);
        Assert.Contains(Json("core", path, "--json")[0].GetProperty("auxiliaryVector").EnumerateArray(),
            entry => entry.GetProperty("name").GetString() == "AT_ENTRY");
        Assert.Equal(1, Memproc("status", "--core", _core, "--headroom").ExitCode);
        (int exitCode, _, string errors) = Memproc("pagemap", "--core", _core);
        Assert.Equal(1, exitCode);
        Assert.Contains("memproc save --page-info", errors, StringComparison.Ordinal);
        Assert.Contains("Only a core", Memproc("save", $"{_target.ProcessId}", path, "--format", "raw", "--page-info").Errors,
            StringComparison.Ordinal);
        string code = Memproc("disasm", "--core", _core, "libc.so.6!malloc", "--count", "2").Output;
        Assert.Equal(Memproc("disasm", $"{_target.ProcessId}", "libc.so.6!malloc", "--count", "2").Output, code);
        Requires.Root();
        Assert.Equal(path, Json("flags", "--core", path, "--run", "--json")[0].GetProperty("corePath").GetString());
        Assert.NotEmpty(Json("summary", "--core", path, "--json"));
    }

    [Fact]
    public void What_requires_a_live_process_refuses_a_core()
    {
        (int exitCode, _, string errors) = Memproc("read", "--core", _core, "[stack]", "8", "--stop");
        Assert.Equal(1, exitCode);
        Assert.Contains("is a core file: --stop requires a live process.", errors, StringComparison.Ordinal);
        (exitCode, _, errors) = Memproc("map", "--core");
        Assert.Equal(1, exitCode);
        Assert.NotEmpty(errors);
        Assert.Equal(1, Memproc("map", "--core", "/bin/sh").ExitCode);
    }
}
