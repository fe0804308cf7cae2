using System.Diagnostics;

namespace MemProc;

/// <summary>
/// Lets a thread of the process that waits for its mmap lock in between the system calls of several workers. The kernel
/// queues a worker after such a thread while another worker holds the lock, but a worker that is alone gets the lock again
/// before the queue (<c>rwsem_down_read_slowpath</c> of <c>kernel/locking/rwsem.c</c>), for up to 4 ms. So a worker that
/// finds another one in a system call for too long pauses until that one has had its turn, which comes after the thread's.
/// </summary>
internal sealed class LockTurns
{
    /// <summary>A call that takes less is not waiting.</summary>
    private static readonly long MinCallTicks = Stopwatch.Frequency / 50_000;

    /// <summary>No pause takes longer: the other worker may have no processor, or read what takes longer.</summary>
    private static readonly TimeSpan MaxPause = TimeSpan.FromMicroseconds(300);

    private readonly Lock _adding = new();
    private volatile Turn[] _turns = [];

    /// <summary>Adds a worker.</summary>
    public Turn Add()
    {
        lock (_adding)
        {
            Turn turn = new(this);
            _turns = [.. _turns, turn];
            return turn;
        }
    }

    /// <summary>The system calls of one worker.</summary>
    internal sealed class Turn(LockTurns owner)
    {
        /// <summary>When the call began, in ticks of the stopwatch; 0: none.</summary>
        private long _start;

        /// <summary>The call for which the worker has paused.</summary>
        private long _pausedFor;

        /// <summary>The longest call, with the wait for the lock, in ticks of the stopwatch.</summary>
        public long MaxCallTicks { get; private set; }

        /// <summary>The worker begins a system call that takes the lock.</summary>
        public void Begin() => Volatile.Write(ref _start, Stopwatch.GetTimestamp());

        /// <summary>The system call has ended. Pauses where another worker waits.</summary>
        public void End()
        {
            long now = Stopwatch.GetTimestamp();
            long ticks = now - _start;
            Volatile.Write(ref _start, 0);
            MaxCallTicks = Math.Max(MaxCallTicks, ticks);
            foreach (Turn other in owner._turns)
            {
                long start = Volatile.Read(ref other._start);
                if (other != this && start != 0 && start != _pausedFor && now - start > Math.Max(3 * ticks / 2, MinCallTicks))
                {
                    _pausedFor = start;
                    while (Volatile.Read(ref other._start) == start && Stopwatch.GetElapsedTime(now) < MaxPause)
                    {
                        Thread.Yield();
                    }

                    return;
                }
            }
        }
    }
}
