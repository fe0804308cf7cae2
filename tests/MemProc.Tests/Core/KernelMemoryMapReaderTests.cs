using System.Diagnostics;
using System.Globalization;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests mm_structs of live processes.</summary>
[Collection(KernelPrograms.Collection)]
public sealed class KernelMemoryMapReaderTests
{
    [Fact]
    public void The_memory_map_equals_proc_stat()
    {
        LiveKernel.Require();
        using KernelMemoryMapReader reader = new();
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        // The runtime of the target maps memory from time to time.
        using ProcessStop still = ProcessStop.Begin(process);
        KernelMemoryMap map = reader.Read(process);
        string stat = File.ReadAllText($"/proc/{target.ProcessId}/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        ulong Field(int number) => ulong.Parse(fields[number - 3], CultureInfo.InvariantCulture);
        Assert.Equal(
            (Field(26), Field(27), Field(28), Field(45), Field(46), Field(47), Field(48), Field(49), Field(50), Field(51)),
            (map.StartCode, map.EndCode, map.StartStack, map.StartData, map.EndData, map.StartBrk, map.ArgStart,
                map.ArgEnd, map.EnvStart, map.EnvEnd));
        Assert.NotEqual(map.MmAddress, map.TaskAddress);
        Assert.True(map.PageTableAddress > 1UL << 63);
        // The vsyscall page is in maps, but is not a mapping of the process.
        Assert.Equal((uint)MapReader.Read(process).Count(mapping => mapping.Kind != ProcMapKind.Vsyscall), map.MapCount);
    }

    [Fact]
    public void The_memory_map_after_exec_is_not_that_of_the_old_program()
    {
        LiveKernel.Require();
        using KernelMemoryMapReader reader = new();
        using PageTableReader walks = new();
        // It waits for a line, then becomes another program with the same id.
        using Process shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "read line; exec sleep 60"])
        {
            RedirectStandardInput = true,
        })!;
        try
        {
            SpinWait.SpinUntil(() => File.ReadAllText($"/proc/{shell.Id}/maps").Contains("libc", StringComparison.Ordinal), 10_000);
            using LinuxProcess process = LinuxProcess.Open(shell.Id);
            KernelMemoryMap before = reader.Read(process);
            Assert.True(walks.Entries(process, before.StartStack!.Value)[^1].IsPresent);
            shell.StandardInput.WriteLine();
            Assert.True(SpinWait.SpinUntil(() => File.ReadAllText($"/proc/{shell.Id}/comm") == "sleep\n", 10_000));
            foreach (Action ask in new Action[]
            {
                () => reader.Read(process),
                () => walks.Entries(process, before.StartStack.Value),
                () => new KernelVmaReader().Read(process),
            })
            {
                MemProcException error = Assert.Throws<MemProcException>(ask);
                Assert.Equal(Errno.ESRCH, error.Errno);
                Assert.Contains("execve", error.Message, StringComparison.Ordinal);
            }

            using LinuxProcess again = LinuxProcess.Open(shell.Id);
            Assert.NotEqual(before.MmAddress, reader.Read(again).MmAddress);
        }
        finally
        {
            shell.Kill();
            shell.WaitForExit();
        }
    }
}
