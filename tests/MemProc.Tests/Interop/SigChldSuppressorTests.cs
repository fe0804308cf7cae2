using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests that the runtime handles no child exit during the suppression, and all of them afterwards.</summary>
public sealed partial class SigChldSuppressorTests
{
    private const int SigChld = 17;

    /// <summary>SA_NODEFER in its byte of struct sigaction: handler, 128 bytes of mask, flags.</summary>
    private const byte Mark = 0x40;
    private const int MarkedByte = 139;
    private const int SigActionBytes = 256;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    [Fact]
    public void The_runtime_handles_children_after_the_suppression_and_not_before()
    {
        using RuntimeSignals signals = RuntimeSignals.Open();
        using Process child = Process.Start(new ProcessStartInfo("cat") { RedirectStandardInput = true })!;
        using (new SigChldSuppressor())
        {
            child.StandardInput.Close();
            Assert.True(SpinWait.SpinUntil(() => IsZombie(child.Id), Timeout));
            signals.WriteSigChld();
            Assert.True(SpinWait.SpinUntil(() => ProcessStartLock(null).WaitingWriteCount > 0, Timeout));
            Assert.False(child.HasExited);
            Assert.True(IsZombie(child.Id));
        }

        Assert.True(child.WaitForExit(Timeout));
        Assert.Equal(0, child.ExitCode);
    }

    [Fact]
    public void Children_that_exited_without_a_pending_signal_are_handled_too()
    {
        using Process child = Process.Start(new ProcessStartInfo("cat") { RedirectStandardInput = true })!;
        using (new SigChldSuppressor())
        {
            child.StandardInput.Close();
            Assert.True(SpinWait.SpinUntil(() => IsZombie(child.Id), Timeout));
            Assert.False(child.HasExited);
        }

        Assert.True(child.WaitForExit(Timeout));
    }

    [Fact]
    public void A_handler_installed_during_the_suppression_is_kept()
    {
        // The runtime installs its handler when it starts a process.
        Shell.Run("true");
        byte[] before = Handler();
        Assert.Equal(0, before[MarkedByte] & Mark);
        try
        {
            using (new SigChldSuppressor())
            {
                byte[] marked = [.. before];
                marked[MarkedByte] |= Mark;
                Install(marked);
            }

            Assert.Equal(Mark, Handler()[MarkedByte] & Mark);
        }
        finally
        {
            Install(before);
        }
    }

    [Fact]
    public void The_lock_is_the_private_field_of_this_runtime()
    {
        Assert.True(SigChldSuppressor.HoldsRuntimeLock);
        Assert.Same(ProcessStartLock(null), SigChldSuppressor.RuntimeLock);
    }

    [Fact]
    public void A_runtime_without_the_field_is_not_an_error()
    {
        Assert.Null(SigChldSuppressor.Find(() => throw new MissingFieldException()));
        Assert.Null(SigChldSuppressor.Find(() => MissingLock(null)));
    }

    private static bool IsZombie(int processId) =>
        File.ReadAllText($"/proc/{processId}/stat").Contains(") Z ", StringComparison.Ordinal);

    /// <summary>Returns the current handler, when no other test suppresses it.</summary>
    private static unsafe byte[] Handler()
    {
        byte[] handler = new byte[SigActionBytes];
        Assert.True(SpinWait.SpinUntil(() =>
        {
            fixed (byte* bytes = handler)
            {
                return sigaction(SigChld, null, bytes) == 0 && *(nint*)bytes != 0;
            }
        }, Timeout));
        return handler;
    }

    private static unsafe void Install(byte[] handler)
    {
        fixed (byte* bytes = handler)
        {
            Assert.Equal(0, sigaction(SigChld, bytes, null));
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.StaticField, Name = "s_processStartLock")]
    private static extern ref ReaderWriterLockSlim ProcessStartLock(Process? type);

    [UnsafeAccessor(UnsafeAccessorKind.StaticField, Name = "s_noSuchLock")]
    private static extern ref ReaderWriterLockSlim MissingLock(Process? type);

    [LibraryImport("libc")]
    private static unsafe partial int sigaction(int signal, byte* action, byte* old);
}
