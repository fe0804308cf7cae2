using System.Collections.Concurrent;

namespace MemProc.Tests;

/// <summary>Tests parallel work with ordered results, and prefetching.</summary>
public sealed class OrderedPipelineTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Results_are_in_order_and_items_without_a_result_are_skipped(int workers)
    {
        ConcurrentBag<Box> boxes = [];
        OrderedPipeline<Box> pipeline = Pipeline(20_000, workers, (box, _) =>
        {
            Thread.SpinWait((box.Number * 7919) % 500);
            return box.Number % 3 == 0;
        }, boxes: boxes);
        int thread = Environment.CurrentManagedThreadId;
        List<int> numbers = [];
        foreach (Box box in pipeline.Run())
        {
            Assert.Equal(thread, Environment.CurrentManagedThreadId);
            numbers.Add(box.Number);
        }

        Assert.Equal(Enumerable.Range(0, 20_000).Where(number => number % 3 == 0), numbers);
        Assert.InRange(boxes.Count, 1, 2 * workers + 1);
    }

    [Fact]
    public void Workers_pause_before_memory_grows_when_the_caller_takes_no_results()
    {
        int worked = 0;
        OrderedPipeline<Box> pipeline = Pipeline(100_000, 2, (_, _) => Interlocked.Increment(ref worked) > 0);
        using IEnumerator<Box> results = pipeline.Run().GetEnumerator();
        Assert.True(results.MoveNext());
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref worked) >= 4, Timeout));
        Thread.Sleep(50);
        Assert.InRange(Volatile.Read(ref worked), 4, 5);
        Assert.Equal(0, results.Current.Number);
    }

    [Fact]
    public async Task Items_without_results_wait_for_a_slow_one()
    {
        using ManualResetEventSlim release = new();
        int worked = 0;
        OrderedPipeline<Box> pipeline = Pipeline(100_000, 2, (box, _) =>
        {
            if (box.Number == 0)
            {
                release.Wait(Timeout, CancellationToken.None);
            }

            Interlocked.Increment(ref worked);
            return box.Number == 99_999;
        });
        Task<int[]> numbers = Task.Run(() => pipeline.Run().Select(box => box.Number).ToArray(), CancellationToken.None);
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref worked) >= 4000, Timeout));
        Thread.Sleep(50);
        Assert.InRange(Volatile.Read(ref worked), 4000, 4200);
        release.Set();
        Assert.Equal(99_999, Assert.Single(await numbers));
    }

    [Theory]
    [InlineData("work", 100)]
    [InlineData("fill", 100)]
    [InlineData("create", 0)]
    public void An_error_is_thrown_unchanged_after_the_earlier_results(string where, int before)
    {
        OrderedPipeline<Box> pipeline = Pipeline(1000, 3, (box, _) => box.Number == 100 ? Throw("work") : true,
            number => number == 100 && Throw("fill"), () => Throw("create"));
        List<int> numbers = [];
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() =>
        {
            foreach (Box box in pipeline.Run())
            {
                numbers.Add(box.Number);
            }
        });
        Assert.Equal(where, error.Message);
        Assert.Equal(Enumerable.Range(0, before), numbers);

        bool Throw(string here) => here == where ? throw new InvalidOperationException(here) : true;
    }

    [Fact]
    public void Workers_have_exited_when_the_caller_stops_early()
    {
        int working = 0;
        OrderedPipeline<Box> pipeline = Pipeline(100_000, 4, (box, stopped) =>
        {
            Interlocked.Increment(ref working);
            if (box.Number > 0)
            {
                stopped.WaitHandle.WaitOne();
            }

            Interlocked.Decrement(ref working);
            return true;
        });
        Assert.Equal(0, pipeline.Run().First().Number);
        Assert.Equal(0, Volatile.Read(ref working));
    }

    [Fact]
    public void A_worker_that_cannot_be_stopped_does_not_block_the_caller()
    {
        using ManualResetEventSlim stuck = new(), release = new(), exited = new();
        OrderedPipeline<Box> pipeline = Pipeline(2, 2, (box, _) =>
        {
            if (box.Number == 1)
            {
                stuck.Set();
                release.Wait(Timeout, CancellationToken.None);
                exited.Set();
            }

            return true;
        });
        foreach (Box box in pipeline.Run())
        {
            Assert.Equal(0, box.Number);
            Assert.True(stuck.Wait(Timeout, TestContext.Current.CancellationToken));
            break;
        }

        Assert.False(exited.IsSet);
        release.Set();
        Assert.True(exited.Wait(Timeout, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Ticks_occur_until_cancellation_ends_the_wait_for_a_result()
    {
        using CancellationTokenSource cancel = new();
        int thread = Environment.CurrentManagedThreadId;
        List<int> threads = [];
        int left = 3;
        OrderedPipeline<int[]> pipeline = new(() => [0], _ => true, (_, stopped) => stopped.WaitHandle.WaitOne(), cancel.Token)
        {
            Workers = 2,
            Waiting = () =>
            {
                threads.Add(Environment.CurrentManagedThreadId);
                if (--left == 0)
                {
                    cancel.Cancel();
                }
            },
        };
        Assert.ThrowsAny<OperationCanceledException>(() => pipeline.Run().Count());
        Assert.Equal([thread, thread, thread], threads);
    }

    [Fact]
    public void Prefetching_keeps_order_and_errors_and_stops_when_the_caller_stops()
    {
        int fetched = 0;
        Assert.Equal(Enumerable.Range(0, 1000), ReadAhead.Of(Numbers(1000, fails: false)));
        List<int> numbers = [];
        Assert.Throws<FormatException>(() =>
        {
            foreach (int number in ReadAhead.Of(Numbers(100, fails: true)))
            {
                numbers.Add(number);
            }
        });
        Assert.Equal(Enumerable.Range(0, 100), numbers);

        fetched = 0;
        Assert.Equal([0, 1, 2], ReadAhead.Of(Numbers(100_000, fails: false)).Take(3));
        Assert.InRange(fetched, 3, 100);

        IEnumerable<int> Numbers(int count, bool fails)
        {
            for (int number = 0; number < count; number++)
            {
                fetched++;
                yield return number;
            }

            if (fails)
            {
                throw new FormatException();
            }
        }
    }

    private static OrderedPipeline<Box> Pipeline(
        int count, int workers, Func<Box, CancellationToken, bool> work, Func<int, bool>? filling = null,
        Func<bool>? creating = null, ConcurrentBag<Box>? boxes = null)
    {
        int next = 0;
        return new OrderedPipeline<Box>(
            () =>
            {
                creating?.Invoke();
                Box box = new();
                boxes?.Add(box);
                return box;
            },
            box =>
            {
                if (next == count)
                {
                    return false;
                }

                filling?.Invoke(next);
                box.Number = next++;
                return true;
            },
            work, TestContext.Current.CancellationToken)
        { Workers = workers };
    }

    private sealed class Box
    {
        public int Number { get; set; }
    }
}
