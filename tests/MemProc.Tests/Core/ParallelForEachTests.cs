using System.Collections.Concurrent;

namespace MemProc.Tests;

/// <summary>Tests parallel work on items without order, with callbacks on the caller's thread.</summary>
public sealed class ParallelForEachTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    [Fact]
    public void Results_of_an_item_come_before_its_completion()
    {
        List<string> log = [];
        ParallelForEach<int, object> each = new(Enumerable.Range(0, 100), _ => new object())
        {
            Workers = 3,
            MaxWaiting = 2,
            Completed = done => log.Add($"{done.Item}!"),
        };
        foreach (string result in each.Stream<string>((item, _, add) =>
        {
            for (int part = 0; part < item % 4; part++)
            {
                add($"{item}.{part}");
            }
        }))
        {
            log.Add(result);
        }

        Assert.Equal(100 + 100 / 4 * 6, log.Distinct().Count());
        for (int item = 0; item < 100; item++)
        {
            Assert.Equal(
                [.. Enumerable.Range(0, item % 4).Select(part => $"{item}.{part}"), $"{item}!"],
                log.Where(entry => entry == $"{item}!" || entry.StartsWith($"{item}.", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public void Completions_are_counted_on_the_callers_thread()
    {
        int thread = Environment.CurrentManagedThreadId;
        List<int> counts = [], threads = [];
        ParallelForEach<int, object> each = new(Enumerable.Range(0, 50), _ => new object())
        {
            Completed = done =>
            {
                counts.Add(done.Count);
                threads.Add(Environment.CurrentManagedThreadId);
            },
        };
        ConcurrentBag<int> workers = [];
        Assert.Empty(each.Stream<int>((_, _, _) => workers.Add(Environment.CurrentManagedThreadId)));
        Assert.Equal(Enumerable.Range(1, 50), counts);
        Assert.Equal([thread], threads.Distinct());
        Assert.DoesNotContain(thread, workers);
    }

    [Fact]
    public void An_error_of_one_item_does_not_stop_the_others()
    {
        List<(int, string?)> done = [];
        ParallelForEach<int, object> each = new(Enumerable.Range(0, 20), _ => new object())
        {
            IsItemError = error => error is FormatException,
            Completed = item => done.Add((item.Item, item.Error?.Message)),
        };
        int[] results = [.. each.Stream<int>((item, _, add) =>
        {
            add(item);
            if (item % 5 == 0)
            {
                throw new FormatException($"No {item}.");
            }
        })];
        Assert.Equal(Enumerable.Range(0, 20), results.Order());
        Assert.Equal(Enumerable.Range(0, 20).Select(item => (item, item % 5 == 0 ? $"No {item}." : null)), done.Order());
    }

    [Theory]
    [InlineData("work")]
    [InlineData("state")]
    [InlineData("items")]
    public void Any_other_error_stops_the_work_and_is_thrown_as_it_is(string where)
    {
        int worked = 0;
        ParallelForEach<int, object> each = new(InputValues(), _ => Throw("state")) { IsItemError = error => error is FormatException };
        Assert.Equal(where, Assert.Throws<InvalidOperationException>(() => each.Stream<int>(Work).Count()).Message);
        Assert.InRange(worked, 0, 999);

        Assert.Equal(where, Assert.Throws<InvalidOperationException>(
            () => each.Run((item, state) => Work(item, state, _ => { }), _ => Assert.Fail("Nothing is merged."))).Message);

        void Work(int item, object state, Action<int> add)
        {
            Interlocked.Increment(ref worked);
            if (item >= 10)
            {
                Throw("work");
            }

            add(item);
        }

        object Throw(string here) => here == where ? throw new InvalidOperationException(here) : new object();

        IEnumerable<int> InputValues()
        {
            for (int item = 0; item < 1000; item++)
            {
                if (item == 10)
                {
                    Throw("items");
                }

                yield return item;
            }
        }
    }

    [Fact]
    public void Workers_pause_while_the_caller_takes_no_results()
    {
        int added = 0;
        ParallelForEach<int, object> each = new(Enumerable.Range(0, 10_000), _ => new object()) { Workers = 2, MaxWaiting = 8 };
        using IEnumerator<int> results = each.Stream<int>((item, _, add) =>
        {
            add(item);
            Interlocked.Increment(ref added);
        }).GetEnumerator();
        Assert.True(results.MoveNext());
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref added) >= 4, Timeout));
        Thread.Sleep(50);
        Assert.InRange(Volatile.Read(ref added), 4, 16);
    }

    [Fact]
    public void Workers_have_exited_when_the_caller_stops_early()
    {
        int working = 0;
        ParallelForEach<int, CancellationToken> each = new(Enumerable.Range(0, 10_000), stop => stop) { Workers = 4, MaxWaiting = 2 };
        foreach (int _ in each.Stream<int>((item, stop, add) =>
        {
            Interlocked.Increment(ref working);
            try
            {
                add(item);
                stop.WaitHandle.WaitOne();
                Thread.Sleep(20);
            }
            finally
            {
                Interlocked.Decrement(ref working);
            }
        }))
        {
            break;
        }

        Assert.Equal(0, Volatile.Read(ref working));
    }

    [Fact]
    public async Task Cancellation_ends_a_wait_for_results()
    {
        using CancellationTokenSource cancel = new();
        using ManualResetEventSlim started = new();
        ParallelForEach<int, CancellationToken> each = new([1, 2, 3], stop => stop, cancel.Token);
        Task<OperationCanceledException> canceled = Task.Run(() => Assert.ThrowsAny<OperationCanceledException>(
            () => each.Stream<int>((_, stop, _) =>
            {
                started.Set();
                stop.WaitHandle.WaitOne();
            }).Count()), CancellationToken.None);
        Assert.True(started.Wait(Timeout, CancellationToken.None));
        await cancel.CancelAsync();
        await canceled;
        Assert.ThrowsAny<OperationCanceledException>(() => each.Run((_, _) => { }, _ => { }));
    }

    [Fact]
    public void A_state_serves_one_worker()
    {
        ConcurrentBag<StrongBox> states = [];
        ParallelForEach<int, StrongBox> each = new(Enumerable.Range(0, 1000), _ =>
        {
            StrongBox state = new();
            states.Add(state);
            return state;
        })
        { Workers = 3 };
        Assert.Equal(1000, each.Stream<int>((item, state, add) =>
        {
            Assert.Equal(1, Interlocked.Increment(ref state.Users));
            state.Sum += item;
            add(item);
            Interlocked.Decrement(ref state.Users);
        }).Count());
        Assert.InRange(states.Count, 1, 3);
        Assert.Equal(499_500, states.Sum(state => state.Sum));
    }

    [Fact]
    public void States_are_merged_on_the_callers_thread()
    {
        long sum = 0;
        int thread = Environment.CurrentManagedThreadId;
        ParallelForEach<int, StrongBox> each = new(Enumerable.Range(0, 100_000), _ => new StrongBox());
        each.Run((item, state) => state.Sum += item, state =>
        {
            Assert.Equal(thread, Environment.CurrentManagedThreadId);
            sum += state.Sum;
        });
        Assert.Equal(4_999_950_000, sum);
    }

    private sealed class StrongBox
    {
        public int Users;
        public long Sum;
    }
}
