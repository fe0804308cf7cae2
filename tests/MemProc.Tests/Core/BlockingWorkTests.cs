namespace MemProc.Tests;

/// <summary>Tests calls that the caller can leave.</summary>
public sealed class BlockingWorkTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public void A_result_and_an_error_are_those_of_the_call()
    {
        for (int number = 0; number < 1000; number++)
        {
            Assert.True(BlockingWork.TryRun(() => number + 1, Long, Stop, out int result));
            Assert.Equal(number + 1, result);
        }

        Assert.Throws<FormatException>(() => BlockingWork.TryRun<int>(() => throw new FormatException(), Long, Stop, out _));
    }

    [Fact]
    public void Calls_of_many_threads_do_not_wait_for_each_other()
    {
        using Barrier barrier = new(8);
        int[] results = new int[8];
        Thread[] threads = [.. Enumerable.Range(0, results.Length).Select(index => new Thread(() => Assert.True(
            BlockingWork.TryRun(() => barrier.SignalAndWait(Long) ? index : -1, Long, CancellationToken.None, out results[index]))))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Equal(Enumerable.Range(0, results.Length), results);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_call_that_does_not_return_is_left_and_its_late_result_disposed(bool isCanceled)
    {
        using ManualResetEventSlim goOn = new(), disposed = new();
        using CancellationTokenSource source = new();
        Result Call()
        {
            if (isCanceled)
            {
                source.Cancel();
            }

            goOn.Wait(Long, CancellationToken.None);
            return new Result(disposed);
        }

        if (isCanceled)
        {
            Assert.ThrowsAny<OperationCanceledException>(() => BlockingWork.TryRun(Call, Long, source.Token, out _));
        }
        else
        {
            Assert.False(BlockingWork.TryRun(Call, TimeSpan.FromMilliseconds(1), source.Token, out _));
        }

        Assert.False(disposed.IsSet);
        goOn.Set();
        Assert.True(disposed.Wait(Long, Stop));
    }

    private sealed class Result(ManualResetEventSlim disposed) : IDisposable
    {
        public void Dispose() => disposed.Set();
    }
}
