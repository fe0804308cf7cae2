using System.Text.RegularExpressions;

namespace MemProc.Tests.Peers;

/// <summary>Tests that gdb and readelf can read a saved core: threads, frames, strings, files.</summary>
public sealed class GdbTests
{
    [Fact]
    public void Gdb_finds_threads_frames_strings_and_files_in_a_core()
    {
        string gdb = Requires.Tool("gdb");
        using TemporaryFolder folder = new();
        string core = Path.Combine(folder.Path, "core");
        using TargetProcess target = TargetProcess.Start();
        TargetReply garlic = target.Ask("garlic");
        ulong seed = target.Ask("seed").Address("address");
        // gdb cannot unwind code of the JIT: the main thread must wait in a system call, for the next line on standard input.
        Assert.True(SpinWait.SpinUntil(
            () => Regex.IsMatch(File.ReadAllText($"/proc/{target.ProcessId}/syscall"), "^[0-9]+ "), TestTimeout.OfSeconds(30)));
        MemoryDump dump;
        using (LinuxProcess process = LinuxProcess.Open(target.ProcessId))
        {
            dump = MemorySaver.Save(
                process, null, core, new SaveOptions { Stop = true }, _ => { }, CancellationToken.None);
        }

        Assert.True(dump.ThreadCount > 1);
        Assert.Equal(0, target.Exit());
        string said = Shell.Run(gdb, "-nx", "-batch", "-ex", "set pagination off", "-ex", "info threads", "-ex", "bt 3",
            "-ex", $"x/s {garlic.Address("text")}", "-ex", $"x/s {seed}", "-ex", "info proc mappings",
            DotnetHost.Path, core);
        Assert.Equal(dump.ThreadCount, said.Split('\n').Count(line => line.Contains("Thread 0x", StringComparison.Ordinal)
            && line.Contains("(LWP", StringComparison.Ordinal) && !line.StartsWith('[')));
        Assert.Contains("* 1    Thread 0x", said, StringComparison.Ordinal);
        Assert.Contains($"(LWP {target.ProcessId})", said, StringComparison.Ordinal);
        Assert.Matches(@"\n#1 .* in \S+|\n#1 .*read", said);
        Assert.Contains("\"garlic\"", said, StringComparison.Ordinal);
        Assert.Contains("\"ABCDEFGHIJKL1234567890!@#$%^&*()\"", said, StringComparison.Ordinal);
        Assert.Matches("0x[0-9a-f]+ +0x[0-9a-f]+ .*libcoreclr.so", said);
    }

    [Fact]
    public void Readelf_names_the_notes_of_each_thread()
    {
        string readelf = Requires.Tool("readelf");
        using TemporaryFolder folder = new();
        string core = Path.Combine(folder.Path, "core");
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryDump dump = MemorySaver.Save(
            process, null, core, new SaveOptions { Stop = true }, _ => { }, CancellationToken.None);
        string said = Shell.Run(readelf, "-lnW", core);
        Assert.Contains("Elf file type is CORE", said, StringComparison.Ordinal);
        foreach ((string note, int count) in new[]
            {
                ("NT_PRSTATUS", dump.ThreadCount), ("NT_FPREGSET", dump.ThreadCount), ("NT_SIGINFO", dump.ThreadCount),
                ("NT_PRPSINFO", 1), ("NT_AUXV", 1), ("NT_FILE", 1),
            })
        {
            Assert.Equal(count, said.Split('\n').Count(line => line.Contains(note, StringComparison.Ordinal)));
        }
    }
}
