using System.Globalization;
using System.Text.RegularExpressions;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests who accesses memory: the thread, the instruction, and the values, by hardware breakpoints.</summary>
public sealed class MemoryAccessWatchTests(ExploredProgram program) : IClassFixture<ExploredProgram>
{
    [Fact]
    public void The_first_write_among_four_threads_is_found_with_its_instruction_and_values()
    {
        string objdump = Requires.Tool("objdump");
        using ExploredProgram.Run run = program.Start();
        ProcMemoryAccess access = Watch(run, AccessKind.Write, "2").First();
        // The address of the store in the file, by objdump.
        Match expected = Regex.Match(Shell.Run(objdump, "-d", "--disassemble=store", program.Path),
            @"^\s*([0-9a-f]+) <store>:.*?^\s*([0-9a-f]+):\s[^\n]*\smov\s[^\n]*<shared>", RegexOptions.Singleline | RegexOptions.Multiline);
        Assert.True(expected.Success);
        ulong distance = Hex(expected.Groups[2]) - Hex(expected.Groups[1]);
        Assert.Equal((run.At("!store") + distance, "explored!store" + (distance == 0 ? "" : $"+0x{distance:x}")),
            (access.Address, access.Location));
        Assert.Matches(@"^mov +%r\w+, ?0x[0-9a-f]+(\(%rip\))?", access.Instruction!);
        Assert.Equal((InstructionAccess.Write, false, 0L, 1002L),
            (access.Access!.Value, access.IsKernel, (long)access.PreviousValue!, (long)access.Value!));
        Assert.Equal((run.At("!shared"), 8), (access.DataAddress, access.DataBytes));
        Assert.Contains(access.ThreadId, run.Process.ThreadIds());
        Assert.NotEqual(run.Process.Id, access.ThreadId);
        Assert.InRange(access.InstructionPointer, access.Address + 1, access.Address + 15);
    }

    [Fact]
    public void A_thread_that_starts_later_is_watched_from_its_first_instruction_on()
    {
        using ExploredProgram.Run run = program.Start();
        int[] before = run.Process.ThreadIds();
        ProcMemoryAccess access = Watch(run, AccessKind.Write, "n").First();
        Assert.DoesNotContain(access.ThreadId, before);
        Assert.Equal(77L, access.Value);
    }

    [Fact]
    public void Reads_are_reported_on_request_and_nothing_is_left()
    {
        using ExploredProgram.Run run = program.Start();
        ProcMemoryAccess[] accesses = [.. Watch(run, AccessKind.ReadWrite, "r0").Take(2)];
        ProcMemoryAccess read = Assert.Single(accesses, access => access.Access == InstructionAccess.Read);
        Assert.Equal(("explored!load", run.Process.Id), (read.Location!.Split('+')[0], read.ThreadId));
        Assert.Single(accesses, access => access.Access == InstructionAccess.Write);
        Assert.DoesNotContain(Directory.GetFiles("/proc/self/fd"),
            file => new FileInfo(file).LinkTarget?.Contains("perf_event", StringComparison.Ordinal) == true);
    }

    [Fact]
    public void What_a_processor_cannot_watch_is_refused_with_the_limit()
    {
        using ExploredProgram.Run run = program.Start();
        ulong shared = run.At("!shared");
        MemProcException error = Assert.Throws<MemProcException>(() => new AccessTarget(run.Process, shared + 1, MemoryType.Parse("int32")));
        Assert.Equal("WatchMemory,EINVAL", error.ErrorId);
        Assert.Contains("multiple of the length", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<MemProcException>(() => new AccessTarget(run.Process, shared, MemoryType.Parse("byte[16]")));
        Assert.Contains("1, 2, 4 or 8 bytes", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<MemProcException>(() => new AccessTarget(run.Process, shared, MemoryType.Parse("byte[3]")));
        Assert.Contains("3 bytes", error.Message, StringComparison.Ordinal);
        Assert.Contains("1, 2, 4 or 8 bytes", error.Message, StringComparison.Ordinal);
        List<MemProcException> failures = [];
        AccessTarget[] five = [.. Enumerable.Range(0, 5).Select(index => new AccessTarget(run.Process, shared + (ulong)index, MemoryType.Parse("byte")))];
        Assert.Empty(new MemoryAccessWatch(five, AccessKind.Write).Accesses(TimeSpan.Zero, failures.Add));
        Assert.Contains("has 4 breakpoints", Assert.Single(failures).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_end_is_by_cancellation_timeout_or_exit()
    {
        RequireBreakpoints();
        using ExploredProgram.Run run = program.Start();
        AccessTarget[] targets = [new AccessTarget(run.Process, run.At("!shared"), MemoryType.Parse("int64"))];
        Assert.Empty(new MemoryAccessWatch(targets, AccessKind.Write).Accesses(TimeSpan.Zero, error => throw error));
        using CancellationTokenSource source = new();
        MemoryAccessWatch watch = new(targets, AccessKind.Write, cancellation: source.Token) { Started = source.Cancel };
        Assert.ThrowsAny<OperationCanceledException>(() => watch.Accesses(null, error => throw error).Count());
        ExploredProgram.Run dying = program.Start();
        List<MemProcException> failures = [];
        watch = new([new AccessTarget(dying.Process, dying.At("!shared"), MemoryType.Parse("int64"))], AccessKind.Write)
        {
            Started = () => Shell.Run("/bin/kill", "-9", dying.Process.Id.ToString(CultureInfo.InvariantCulture)),
        };
        Assert.Empty(watch.Accesses(null, failures.Add));
        Assert.Equal("WatchMemory,ESRCH", Assert.Single(failures).ErrorId);
        dying.Dispose();
    }

    [Fact]
    public void Accesses_that_do_not_fit_in_the_buffer_are_counted()
    {
        RequireBreakpoints();
        using ExploredProgram.Run run = program.Start();
        MemoryAccessWatch watch = new([new AccessTarget(run.Process, run.At("!shared"), MemoryType.Parse("int64"))], AccessKind.Write)
        {
            RingPages = 1,
            Started = () => run.Ask("w"),
        };
        // All accesses are over when the watch starts to take them. The kernel would tell with the next one what was lost.
        ulong seen = (ulong)watch.Accesses(TimeSpan.Zero, error => throw error).Count();

        Assert.InRange(seen, 2UL, (ulong)Page.Size / 48 + 1);
        Assert.Equal(5000UL, seen + watch.LostCount);
    }

    [Fact]
    public void Breakpoints_that_others_use_are_named_with_the_limit()
    {
        RequireBreakpoints();
        using ExploredProgram.Run run = program.Start();
        ulong counters = run.At("!counters");
        MemoryType type = MemoryType.Parse("int64");
        AccessTarget[] four = [.. Enumerable.Range(0, 4).Select(index => new AccessTarget(run.Process, counters + (ulong)(8 * index), type))];
        List<MemProcException> failures = [];
        MemoryAccessWatch second = new([new AccessTarget(run.Process, run.At("!shared"), type)], AccessKind.Write);
        MemoryAccessWatch first = new(four, AccessKind.Write)
        {
            Started = () => Assert.Empty(second.Accesses(null, failures.Add)),
        };
        ProcMemoryAccess access = first.Accesses(TimeSpan.FromMinutes(1), error => throw error).First();
        Assert.InRange(access.DataAddress, counters, counters + 24);
        MemProcException refusal = Assert.Single(failures);
        Assert.Equal("WatchMemory,ENOSPC", refusal.ErrorId);
        Assert.Contains("has 4 breakpoints", refusal.Message, StringComparison.Ordinal);
        // They are free again.
        Assert.Empty(second.Accesses(TimeSpan.Zero, error => throw error));
    }

    [Fact]
    public async Task A_watch_follows_another_while_this_program_starts_programs()
    {
        RequireBreakpoints();
        using ExploredProgram.Run run = program.Start();
        MemoryType type = MemoryType.Parse("int64");
        AccessTarget[] four = [.. Enumerable.Range(0, 4).Select(index =>
            new AccessTarget(run.Process, run.At("!counters") + (ulong)(8 * index), type))];
        using CancellationTokenSource end = new();
        Task starts = Task.Run(() =>
        {
            while (!end.IsCancellationRequested)
            {
                Shell.Run("/bin/true");
            }
        }, TestContext.Current.CancellationToken);
        try
        {
            // Each program has copies of the descriptors until it is executed, which occupy all breakpoints.
            for (int round = 0; round < 30; round++)
            {
                Assert.NotNull(new MemoryAccessWatch(four, AccessKind.Write).Accesses(null, error => throw error).First());
            }
        }
        finally
        {
            await end.CancelAsync();
            await starts;
        }
    }

    [Fact]
    public void The_exit_of_a_thread_does_not_end_the_watch_and_another_program_does()
    {
        using ExploredProgram.Run run = program.Start();
        ProcMemoryAccess[] accesses = [.. Watch(run, AccessKind.Write, "np").Take(2)];
        Assert.NotEqual(run.Process.Id, accesses[0].ThreadId);
        Assert.Equal((run.Process.Id, 4242L), (accesses[1].ThreadId, accesses[1].Value));

        List<MemProcException> failures = [];
        MemoryAccessWatch watch = new([new AccessTarget(run.Process, run.At("!shared"), MemoryType.Parse("int64"))], AccessKind.Write)
        {
            Started = () => run.Send("e"),
        };
        Assert.Empty(watch.Accesses(null, failures.Add));
        MemProcException end = Assert.Single(failures);
        Assert.Equal("WatchMemory,EFAULT", end.ErrorId);
        Assert.Contains("executed another program", end.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("2", "CAP_SYS_PTRACE", "perf_event_paranoid")]
    [InlineData("3", "kernel.perf_event_paranoid is 3", "CAP_SYS_PTRACE")]
    public void A_refusal_names_the_setting_or_the_right_that_is_missing(string paranoia, string named, string notNamed)
    {
        Requires.Root();
        RequireBreakpoints();
        using ExploredProgram.Run run = program.Start();
        string errors = WatchAsNobody(paranoia, run.Process.Id, run.At("!shared"), exitCode: 1);
        Assert.Contains(named, errors, StringComparison.Ordinal);
        Assert.DoesNotContain(notNamed, errors, StringComparison.Ordinal);
        Assert.Contains("CAP_", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_user_without_rights_watches_own_processes_and_is_told_what_is_missing()
    {
        Requires.Root();
        RequireBreakpoints();
        string paranoia = File.ReadAllText("/proc/sys/kernel/perf_event_paranoid").Trim();
        Assert.SkipWhen(int.Parse(paranoia, CultureInfo.InvariantCulture) > 2,
            $"kernel.perf_event_paranoid is {paranoia}: users without rights may not watch");
        using TargetProcess target = TargetProcess.Start([Requires.Tool("setpriv"), .. MemprocTests.AsNobody]);
        string errors = WatchAsNobody("2", target.ProcessId, target.Ask("seed").Address("address"), exitCode: 0);
        Assert.Contains("Accesses by the kernel", errors, StringComparison.Ordinal);
        Assert.Contains("kernel.perf_event_paranoid is 2; 1 or less allows them", errors, StringComparison.Ordinal);
    }

    /// <summary>
    /// Runs memproc as an ordinary user where kernel.perf_event_paranoid reads as a value. What the kernel itself does remains
    /// as it is. Returns its errors.
    /// </summary>
    private static string WatchAsNobody(string paranoia, int processId, ulong address, int exitCode)
    {
        using TemporaryFolder folder = new();
        string value = folder.File("paranoia", System.Text.Encoding.ASCII.GetBytes(paranoia + "\n"));
        (int code, _, string errors) = Shell.Try(Requires.Tool("unshare"), ["--mount", "/bin/sh", "-c", $"""
            chmod 755 {folder.Path} && chmod 644 {value} && mount --bind {value} /proc/sys/kernel/perf_event_paranoid || exit 77
            exec {Requires.Tool("setpriv")} {string.Join(' ', MemprocTests.AsNobody)} {Programs.MemprocHost} \
                {Programs.MakeWorldReadable(Programs.Memproc)} watch {processId} 0x{address:x} --type int64 --writer --seconds 0
            """]);
        Assert.SkipWhen(code == 77, "needs a mount namespace in which a setting can be simulated");
        Assert.True(exitCode == code, errors);
        return errors;
    }

    private static IEnumerable<ProcMemoryAccess> Watch(ExploredProgram.Run run, AccessKind kind, string commands)
    {
        RequireBreakpoints();
        MemoryAccessWatch watch = new([new AccessTarget(run.Process, run.At("!shared"), MemoryType.Parse("int64"))], kind)
        {
            Started = () => run.Send(commands),
        };
        return watch.Accesses(TimeSpan.FromMinutes(1), error => throw error);
    }

    /// <summary>Skips the test where the machine has no breakpoints, or this user may not set them.</summary>
    private static void RequireBreakpoints()
    {
        PerfEventAttribute attribute = new()
        {
            Type = PerfEventAttribute.BreakpointType,
            Size = PerfEventAttribute.Bytes,
            SamplePeriod = 1,
            Flags = PerfEventAttribute.ExcludeKernel | PerfEventAttribute.ExcludeHypervisor,
            BreakpointKind = PerfEventAttribute.Write,
            BreakpointAddress = 0x1000,
            BreakpointLength = 8,
        };
        Errno errno = Libc.TryPerfEventOpen(attribute, 0, -1, out Microsoft.Win32.SafeHandles.SafeFileHandle? handle);
        handle?.Dispose();
        Assert.SkipUnless(errno == Errno.None, $"needs hardware breakpoints: {errno}");
    }

    private static ulong Hex(Group group) => ulong.Parse(group.Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
