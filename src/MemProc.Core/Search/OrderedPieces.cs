using System.Runtime.ExceptionServices;

namespace MemProc;

/// <summary>
/// Workers that read pieces and work on them, each on a processor of its own, while their results are taken in
/// address order. A few pieces are all the memory it takes: who is far ahead waits. A piece in which nothing is found
/// is used again by its worker at once, since it is in its processor's cache.
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
    /// <summary>How often whoever waits is told how far it is.</summary>
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(100);

    /// <summary>How many pieces workers may be ahead, be there something in them or not.</summary>
    private const int MostAhead = 4096;

    /// <summary>How long the end waits for system calls that are under way.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(100);

    private readonly Lock _planning = new();
    private readonly object _state = new();
    private readonly Dictionary<long, SearchPiece> _done = [];
    private readonly HashSet<long> _empty = [];
    private readonly Stack<SearchPiece> _idle = [];
    private long _taken;
    private int _made;
    private long _planned;
    private long _end = long.MaxValue;
    private int _reading;
    private bool _isOver;

    /// <summary>Bytes in which matches could begin, of all pieces that are done; those not read included.</summary>
    public ulong SearchedBytes { get; private set; }

    /// <summary>Bytes of them that the kernel refused to read.</summary>
    public ulong FailedBytes { get; private set; }

    /// <summary>Address space that is done with, searched or left out.</summary>
    public ulong PassedBytes { get; private set; }

    /// <summary>
    /// The pieces in which something was found, in address order. Each is used again once the next one is asked for.
    /// What fails in a piece is thrown when its turn comes.
    /// </summary>
    /// <param name="tick">Called now and then on the caller's thread, while nothing is found.</param>
    public IEnumerable<SearchPiece> Run(Action tick)
    {
        using CancellationTokenRegistration registration = cancellation.Register(Wake);
        for (int worker = 0; worker < workers; worker++)
        {
            // Not of the pool: an expression can take its time, and would keep others from theirs.
            new Thread(Work) { IsBackground = true, Name = "MemProc search" }.Start();
        }

        try
        {
            while (Take(tick) is SearchPiece piece)
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

    private SearchPiece? Take(Action tick)
    {
        while (true)
        {
            lock (_state)
            {
                cancellation.ThrowIfCancellationRequested();
                bool goesOn = false;
                for (; _empty.Remove(_taken); _taken++)
                {
                    goesOn = true;
                }

                if (goesOn)
                {
                    // Some may wait because they were too far ahead.
                    Monitor.PulseAll(_state);
                }

                if (_done.Remove(_taken, out SearchPiece? piece))
                {
                    _taken++;
                    return piece;
                }

                if (_taken >= _end)
                {
                    return null;
                }

                Monitor.Wait(_state, Glance);
            }

            tick();
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
        SearchPiece? piece = null;
        while ((piece = Idle(piece)) is not null)
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

            piece = Hand(piece, number);
        }
    }

    /// <summary>Hands a piece on; one with nothing in it comes back.</summary>
    private SearchPiece? Hand(SearchPiece piece, long number)
    {
        lock (_state)
        {
            SearchedBytes += piece.SearchedBytes;
            FailedBytes += piece.FailedBytes;
            PassedBytes = Math.Max(PassedBytes, piece.PassedBytes);
            bool isEmpty = piece is { Error: null, FoundCount: 0, Product: null };
            if (isEmpty)
            {
                _empty.Add(number);
            }
            else
            {
                _done.Add(number, piece);
            }

            // Who takes the results sleeps on while there are none.
            if (!isEmpty || _end != long.MaxValue || _empty.Count > MostAhead / 2)
            {
                Monitor.PulseAll(_state);
            }

            return isEmpty ? piece : null;
        }
    }

    /// <summary>A piece that nobody uses, the worker's own if it has one; null when all is over.</summary>
    private SearchPiece? Idle(SearchPiece? own)
    {
        lock (_state)
        {
            while (!_isOver && _end == long.MaxValue)
            {
                bool isFarAhead = _planned - _taken >= MostAhead;
                if (!isFarAhead && (own is not null || _idle.TryPop(out own)))
                {
                    return own;
                }

                // One that is taken, and one for each worker to be ahead.
                if (!isFarAhead && _made < 2 * workers + 1)
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
