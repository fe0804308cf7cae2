using System.Diagnostics;

namespace MemProc.Tests;

/// <summary>Tests that the bpf programs and maps that read kernel memory are freed, on the whole machine.</summary>
[Collection(KernelPrograms.Collection)]
public sealed class KernelReleaseTests
{
    [Fact]
    public void Two_programs_and_a_map_are_loaded_while_a_reader_is_open_and_freed_when_it_is_closed()
    {
        using Loading loading = new();
        using (PageTableReader reader = new())
        {
            Assert.Equal(KernelReadSource.Bpf, reader.Source);
            loading.AssertLoaded();
        }

        loading.AssertGone();
    }

    [Theory]
    [InlineData(0xffff_ffff_ff60_0000, "WalkPageTable,EINVAL")]
    [InlineData(0x7fff_ffff_ffff_f000, "WalkPageTable,EFAULT")]
    public void A_failed_walk_leaves_nothing_loaded(ulong address, string id)
    {
        using Loading loading = new();
        using LinuxProcess process = LinuxProcess.Open(loading.Target.ProcessId);
        MemProcException error = Assert.Throws<MemProcException>(() =>
        {
            using PageTableReader reader = new();
            reader.Prepare(process);
            loading.AssertLoaded();
            reader.Entries(process, address);
        });
        Assert.Equal(id, error.ErrorId);
        loading.AssertGone();
    }

    [Fact]
    public void An_exited_process_leaves_nothing_loaded()
    {
        using Loading loading = new();
        using TargetProcess dead = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(dead.ProcessId);
        Assert.Throws<MemProcException>(() =>
        {
            using KernelVmaReader reader = new();
            _ = reader.Read(process);
            loading.AssertLoaded();
            dead.Kill();
            reader.Read(process);
        });
        loading.AssertGone();
    }

    [Theory]
    [InlineData(KernelReadSource.BpfTracepoint)]
    [InlineData(KernelReadSource.Kcore)]
    public void A_selected_source_leaves_nothing_loaded_on_success_or_failure(KernelReadSource source)
    {
        using Loading loading = new();
        using LinuxProcess process = LinuxProcess.Open(loading.Target.ProcessId);
        Exception? error = Record.Exception(() =>
        {
            using KernelVmaReader reader = new(source);
            Assert.NotEmpty(reader.Read(process));
        });
        Assert.True(error is null || (error as MemProcException)?.Operation == Operation.ReadKernelMemory, $"{error}");
        loading.AssertGone();
    }

    [Fact]
    public void Cancelled_walks_leave_nothing_loaded_and_the_next_ones_work()
    {
        using Loading loading = new();
        using LinuxProcess process = LinuxProcess.Open(loading.Target.ProcessId);
        using CancellationTokenSource stop = new();
        int walks = 0;
        Assert.Throws<OperationCanceledException>(() =>
        {
            using PageTableReader reader = new(cancellation: stop.Token);
            foreach (PageTableWalk walk in reader.WalksIn(process, 0, 1UL << 47))
            {
                if (walks++ == 100)
                {
                    loading.AssertLoaded();
                    stop.Cancel();
                }
            }
        });
        Assert.Equal(101, walks);
        loading.AssertGone();
        ulong address = loading.Target.Ask("seed").Address("address");
        using (PageTableReader again = new())
        {
            Assert.True(again.Walk(process, address).IsPresent);
        }

        loading.AssertGone();
    }

    [Theory]
    [InlineData("walk", "0", "--length", "0x800000000000")]
    [InlineData("vma")]
    public void Ctrl_C_during_memproc_output_leaves_nothing_loaded(string command, params string[] arguments)
    {
        const int InterruptedExitCode = 130, Vmas = 20_000;
        LiveKernel.Require();
        using TargetProcess target = TargetProcess.Start();
        // More output than the pipe can hold: memproc blocks in the middle until it is read.
        ulong address = target.Ask($"vmas {Vmas}").Address("address");
        target.Ask($"touch {address} 1");
        using Process memproc = Process.Start(new ProcessStartInfo(DotnetHost.Path,
            [Programs.Memproc, command, $"{target.ProcessId}", .. arguments])
        {
            RedirectStandardOutput = true,
        })!;
        Assert.NotNull(memproc.StandardOutput.ReadLine());
        KernelObjects loaded = KernelPrograms.LoadedBy(target, memproc.Id);
        Assert.Equal((2, 1), (loaded.Programs.Count, loaded.Maps.Count));
        Shell.Run("kill", "-INT", $"{memproc.Id}");
        string rest = memproc.StandardOutput.ReadToEnd();
        memproc.WaitForExit();
        Assert.Equal(InterruptedExitCode, memproc.ExitCode);
        Assert.InRange(rest.Split('\n').Length, 1, Vmas - 1);
        KernelPrograms.AssertGone(target, memproc.Id);
        // The target was only read and still works.
        Assert.Equal([1], target.Ask($"peek {address} 1").Bytes("bytes"));
        Assert.Equal(0, target.Exit());
    }

    /// <summary>The programs and maps that this process loads during a test.</summary>
    private sealed class Loading : IDisposable
    {
        private readonly KernelObjects _before;
        private readonly KernelObjects _heldBefore;

        /// <summary>Skips the test if nothing can be loaded.</summary>
        public Loading()
        {
            LiveKernel.Require();
            Target = TargetProcess.Start();
            _before = KernelPrograms.LoadedBy(Target, Environment.ProcessId);
            _heldBefore = KernelPrograms.Loaded();
        }

        /// <summary>The target process; it also queries the kernel.</summary>
        public TargetProcess Target { get; }

        /// <summary>Asserts that two programs and a map are loaded and held by this process.</summary>
        public void AssertLoaded()
        {
            KernelObjects loaded = KernelPrograms.LoadedBy(Target, Environment.ProcessId).Without(_before);
            KernelObjects held = KernelPrograms.Loaded().Without(_heldBefore);
            Assert.Equal((2, 1), (loaded.Programs.Count, loaded.Maps.Count));
            Assert.Equal($"{held}", $"{loaded}");
        }

        /// <summary>Asserts that neither the kernel nor a descriptor of this process has them any more.</summary>
        public void AssertGone()
        {
            Assert.True(KernelPrograms.Loaded().Without(_heldBefore).IsEmpty);
            KernelPrograms.AssertGone(Target, Environment.ProcessId, _before);
        }

        /// <inheritdoc/>
        public void Dispose() => Target.Dispose();
    }
}
