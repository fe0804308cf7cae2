using System.Runtime.ExceptionServices;

namespace MemProc;

/// <summary>
/// Workers that read pieces and work on them, each on a processor of its own, while their results are taken in
/// address order. A few pieces are all the memory it takes: who is far ahead waits.
/// </summary>
/// <param name="plan">Where the pieces come from.</param>
/// <param name="reader">Reads them.</param>
/// <param name="workers">How many workers, at least 1.</param>
/// <param name="newPiece">Makes a piece.</param>
/// <param name="work">What is done to a piece that was read; not on the caller's thread.</param>
/// <param name="cancellation">Stops it.</param>
internal sealed class OrderedPieces(
    SearchPlan plan, MemoryReader reader, int workers, Func<SearchPiece> newPiece, Action<SearchPiece> work,
    CancellationToken cancellation)
{
    /// <summary>How long the end waits for system calls that are under way.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(100);

    private readonly Lock _planning = new();
    private readonly object _state = new();
    private readonly Dictionary<long, SearchPiece> _done = [];
    private readonly Stack<SearchPiece> _idle = [];
    private int _made;
    private long _planned;
    private long _end = long.MaxValue;
    private int _reading;
    private bool _isOver;

    /// <summary>
    /// The pieces in address order. Each is used again once the next one is asked for. What fails in a piece is thrown
    /// when its turn comes.
    /// </summary>
    public IEnumerable<SearchPiece> Run()
    {
        using CancellationTokenRegistration registration = cancellation.Register(Wake);
        for (int worker = 0; worker < workers; worker++)
        {
            // Not of the pool: an expression can take its time, and would keep others from theirs.
            new Thread(Work) { IsBackground = true, Name = "MemProc search" }.Start();
        }

        try
        {
            for (long number = 0; Take(number) is SearchPiece piece; number++)
            {
                if (piece.Error is Exception error)
                {
                    ExceptionDispatchInfo.Throw(error);
                }

                yield return piece;
                GiveBack(piece);
            }
        }
        finally
        {
            End();
        }
    }

    private SearchPiece? Take(long number)
    {
        lock (_state)
        {
            SearchPiece? piece;
            while (!_done.Remove(number, out piece) && number < _end)
            {
                cancellation.ThrowIfCancellationRequested();
                Monitor.Wait(_state);
            }

            return piece;
        }
    }

    private void GiveBack(SearchPiece piece)
    {
        lock (_state)
        {
            _idle.Push(piece);
            Monitor.PulseAll(_state);
        }
    }

    private void Work()
    {
        while (Idle() is SearchPiece piece)
        {
            long number = Plan(piece);
            if (number < 0)
            {
                return;
            }

            try
            {
                if (piece.Error is null && BeginReading())
                {
                    Read(piece);
                    work(piece);
                }
            }
            catch (Exception error)
            {
                piece.Error = error;
            }

            lock (_state)
            {
                _done.Add(number, piece);
                Monitor.PulseAll(_state);
            }
        }
    }

    /// <summary>A piece that nobody uses; null when all is over.</summary>
    private SearchPiece? Idle()
    {
        lock (_state)
        {
            while (!_isOver && _end == long.MaxValue)
            {
                if (_idle.TryPop(out SearchPiece? piece))
                {
                    return piece;
                }

                // One that is taken, and one for each worker to be ahead.
                if (_made < 2 * workers + 1)
                {
                    _made++;
                    return newPiece();
                }

                Monitor.Wait(_state);
            }

            return null;
        }
    }

    /// <summary>Fills a piece with what comes next. Returns its number; -1: nothing does.</summary>
    private long Plan(SearchPiece piece)
    {
        lock (_planning)
        {
            bool isThere;
            try
            {
                isThere = !_isOver && _planned < _end && plan.TryFill(piece);
            }
            catch (Exception error)
            {
                piece.Error = error;
                isThere = true;
            }

            if (isThere)
            {
                long number = _planned++;
                if (piece.Error is not null)
                {
                    Finish(_planned);
                }

                return number;
            }

            Finish(_planned);
            return -1;
        }
    }

    private void Finish(long end)
    {
        lock (_state)
        {
            _end = Math.Min(_end, end);
            Monitor.PulseAll(_state);
        }
    }

    private bool BeginReading()
    {
        lock (_state)
        {
            _reading += _isOver ? 0 : 1;
            return !_isOver;
        }
    }

    private void Read(SearchPiece piece)
    {
        try
        {
            piece.Read(reader);
        }
        finally
        {
            lock (_state)
            {
                _reading--;
                Monitor.PulseAll(_state);
            }
        }
    }

    private void Wake()
    {
        lock (_state)
        {
            Monitor.PulseAll(_state);
        }
    }

    /// <summary>
    /// Ends the workers. One that is matching an expression ends by itself, it no longer looks at the process.
    /// </summary>
    private void End()
    {
        lock (_state)
        {
            _isOver = true;
            Monitor.PulseAll(_state);
            while (_reading > 0 && Monitor.Wait(_state, Patience))
            {
            }
        }
    }
}
