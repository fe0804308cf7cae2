using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace MemProc.Tests;

/// <summary>
/// Tests that a process whose main thread has exited before the others is read like any other. The files of the main
/// thread in procfs are empty or fail then.
/// </summary>
public sealed class MainThreadExitTests : IDisposable
{
    private readonly TargetProcess _target = TargetProcess.Start();

    /// <inheritdoc/>
    public void Dispose() => _target.Dispose();

    [Theory]
    [InlineData("map {pid}")]
    [InlineData("map {pid} --detailed")]
    [InlineData("status {pid} --detailed")]
    [InlineData("pagemap {pid} {address}")]
    [InlineData("resolve {pid} {address}")]
    [InlineData("resolve {pid} libc.so.6!malloc")]
    [InlineData("read {pid} {address} 16")]
    [InlineData("read {pid} {address} 16 --stop")]
    [InlineData("read {pid} {address} 16 --method ProcessVm")]
    [InlineData("read {pid} {address} 16 --method Mem")]
    [InlineData("search {pid} --text garlic")]
    [InlineData("summary {pid}", true)]
    [InlineData("sharing {pid} --among {pid}", true)]
    [InlineData("walk {pid} {address}", true)]
    [InlineData("vma {pid}", true)]
    [InlineData("workingset {pid} --method referenced --seconds 0.1")]
    public void Every_command_works(string command, bool needsRoot = false)
    {
        if (needsRoot)
        {
            Requires.Root();
        }

        if (command.StartsWith("walk", StringComparison.Ordinal) || command.StartsWith("vma", StringComparison.Ordinal))
        {
            LiveKernel.Require();
        }

        ulong address = _target.Ask("garlic").Address("text");
        _target.Ask("leave");
        string[] arguments = command.Replace("{pid}", $"{_target.ProcessId}", StringComparison.Ordinal)
            .Replace("{address}", $"0x{address:x}", StringComparison.Ordinal).Split(' ');
        (int exitCode, string output, string errors) = MemprocTests.Memproc([.. arguments, "--json"]);
        Assert.True(exitCode == 0, errors);
        Assert.NotEmpty(output);
    }

    [Fact]
    public void The_answers_equal_those_of_a_process_whose_main_thread_runs()
    {
        TargetReply garlic = _target.Ask("garlic");
        ulong address = garlic.Address("text");
        using LinuxProcess before = LinuxProcess.Open(_target.ProcessId);
        string entry = new MappedImages(before).Main!.Path;
        ulong[] maps = MapsOf(before, entry);
        _target.Ask("leave");

        using LinuxProcess process = LinuxProcess.Open(_target.ProcessId);
        Assert.Equal(before.Identity, process.Identity);
        Assert.False(process.HasExited);
        foreach (LinuxProcess opened in (LinuxProcess[])[before, process])
        {
            Assert.Equal(maps, MapsOf(opened, entry));
            Assert.Equal(entry, new MappedImages(opened).Main!.Path);
            foreach (ReadMethod method in (ReadMethod[])[ReadMethod.Auto, ReadMethod.ProcessVm, ReadMethod.Mem])
            {
                Assert.Equal("garlic", new MemoryReader(opened, method).ReadText(address, 16, Encoding.UTF8));
            }

            Assert.True(Assert.Single(new PageMapWalk(opened).Range(address, 1)).IsPresent);
            Assert.NotNull(MapReader.Find(opened, address));
            Assert.NotEmpty(MapReader.ReadDetailed(opened));
            Assert.NotNull(MemoryStatusReader.ReadDetailed(opened).RssBytes);
        }

        Assert.Equal(ReadMethod.ProcessVm, new MemoryReader(process, ReadMethod.Auto).Method);
        Assert.Contains("MemProc.Target", ProcessList.CommandLine(_target.ProcessId), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Memory_is_written_and_the_process_stopped(bool force)
    {
        ulong address = _target.Ask("garlic").Address("text");
        _target.Ask("leave");
        using LinuxProcess process = LinuxProcess.Open(_target.ProcessId);
        MemoryTransaction.Prepare(process, [new MemoryWriteRequest(address, "pepper"u8.ToArray(), Force: force)])
            .Commit(stop: true, verify: true);
        Assert.Equal("pepper", _target.Ask($"say {address}").Text("text"));
        using ProcessStop stop = ProcessStop.Begin(process);
        Assert.NotEmpty(stop.ThreadIds);
        Assert.DoesNotContain(process.Id, stop.ThreadIds);
    }

    [Fact]
    public void A_core_has_the_living_threads_and_the_state_of_one_of_them()
    {
        _target.Ask("leave");
        using TemporaryFolder folder = new();
        string path = Path.Combine(folder.Path, "core");
        JsonElement dump = Assert.Single(MemprocTests.Json("save", $"{_target.ProcessId}", path, "--stop", "--json"));
        using LinuxProcess process = LinuxProcess.Open(_target.ProcessId);
        Assert.Equal(process.ThreadIds().Length - 1, dump.GetProperty("threadCount").GetInt32());
        if (File.Exists("/usr/bin/gdb"))
        {
            string threads = Shell.Run("/usr/bin/gdb", "-nx", "-batch", "-core", path, "-ex", "info threads");
            Assert.Contains("LWP", threads, StringComparison.Ordinal);
            Assert.DoesNotContain($"LWP {process.Id}", threads, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Reads_continue_while_the_threads_that_they_go_through_exit()
    {
        ulong address = _target.Ask("garlic").Address("text");
        _target.Ask("breed");
        _target.Ask("leave");
        using LinuxProcess process = LinuxProcess.Open(_target.ProcessId);
        Stopwatch watch = Stopwatch.StartNew();
        while (watch.Elapsed < TimeSpan.FromSeconds(1))
        {
            using LinuxProcess opened = LinuxProcess.Open(_target.ProcessId);
            foreach (LinuxProcess one in (LinuxProcess[])[process, opened])
            {
                Assert.Equal("garlic", new MemoryReader(one, ReadMethod.ProcessVm).ReadText(address, 16, Encoding.UTF8));
                Assert.NotEmpty(MapReader.Read(one));
            }
        }
    }

    [Fact]
    public void A_process_that_exits_afterwards_is_reported_as_exited()
    {
        ulong address = _target.Ask("garlic").Address("text");
        _target.Ask("leave");
        using LinuxProcess process = LinuxProcess.Open(_target.ProcessId);
        MemoryReader reader = new(process, ReadMethod.ProcessVm);
        Assert.Empty(reader.Read(address, new byte[6]));
        _target.Kill();
        MemProcException error = Assert.Throws<MemProcException>(() => reader.Read(address, new byte[6]));
        Assert.Equal("ReadMemory,ESRCH", error.ErrorId);
        Assert.Contains("has exited", error.Message, StringComparison.Ordinal);
        Assert.Contains("has exited", Assert.Throws<MemProcException>(() => MapReader.Read(process).Count()).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Owners_of_a_frame_are_found()
    {
        Requires.Root();
        ulong address = _target.Ask("garlic").Address("text");
        _target.Ask("leave");
        using LinuxProcess process = LinuxProcess.Open(_target.ProcessId);
        ulong pfn = Assert.Single(new PageMapWalk(process).Range(address, 1)).Pfn!.Value;
        Assert.NotEmpty(new PfnSearch([pfn]).In(process));
    }

    private static ulong[] MapsOf(LinuxProcess process, string path) =>
        [.. MapReader.Read(process).Where(map => map.Path == path).Select(map => map.Start)];
}
