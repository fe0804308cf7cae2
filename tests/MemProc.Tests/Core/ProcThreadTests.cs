using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests threads of processes and cores.</summary>
public sealed class ProcThreadTests(ExploredProgram program) : IClassFixture<ExploredProgram>
{
    [Fact]
    public void A_waiting_thread_has_its_state_its_stack_and_its_next_instruction()
    {
        using ExploredProgram.Run run = program.Start();
        ProcThread[] threads = [.. new ProcThreadReader(run.Process).Read(null, error => throw error)];
        Assert.Equal(run.Process.ThreadIds(), threads.Select(thread => thread.ThreadId));
        Assert.Equal(5, threads.Length);
        ProcThread main = threads[0];
        Assert.Equal(("explored", ProcThreadState.Sleeping), (main.Name, main.State));
        // read(2) of standard input.
        Assert.Equal(0L, main.SystemCall);
        Assert.NotNull(main.Location);
        ProcMap stack = MapReader.Read(run.Process).Single(map => map.Kind == ProcMapKind.Stack);
        Assert.Equal((stack.Start, stack.End), (main.StackStart, main.StackEnd));
        Assert.InRange(main.StackPointer!.Value, stack.Start, stack.End);
        Assert.Equal(stack.End - main.StackPointer, main.StackUsedBytes);
        Assert.Equal(main.StackPointer, ProcThreadReader.StackPointerOf(run.Process, main.ThreadId));
        Assert.Null(main.Registers);
    }

    [Fact]
    public void Stopped_threads_have_registers_and_run_on()
    {
        using ExploredProgram.Run run = program.Start();
        IReadOnlyList<ProcThread> threads = new ProcThreadReader(run.Process) { Stop = true }.Read(null, error => throw error);
        Assert.Equal(5, threads.Count);
        Assert.All(threads, thread => Assert.Equal(thread.Address, thread.Registers![RuntimeInformation.ProcessArchitecture == Architecture.X64 ? "rip" : "pc"]));
        Assert.All(threads, thread => Assert.NotEqual(ProcThreadState.TracingStop, thread.State));
        Assert.All(run.Process.ThreadIds(), id => Assert.NotEqual('t', run.Process.ThreadStat(id)!.Value.State));
    }

    [Fact]
    public void A_missing_thread_is_an_error_beside_the_others()
    {
        using ExploredProgram.Run run = program.Start();
        List<MemProcException> failures = [];
        ProcThread thread = Assert.Single(new ProcThreadReader(run.Process).Read([run.Process.Id, 1], failures.Add));
        Assert.Equal(run.Process.Id, thread.ThreadId);
        Assert.Equal("ReadThreads,ESRCH", Assert.Single(failures).ErrorId);
        Assert.Equal(Errno.ESRCH, Assert.Throws<MemProcException>(() => ProcThreadReader.StackPointerOf(run.Process, 1)).Errno);
    }
}
