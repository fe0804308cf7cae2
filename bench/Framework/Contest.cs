namespace MemProc.Bench;

/// <summary>What a case has set up: who takes part, and what is to be compared.</summary>
internal sealed class Contest : IDisposable
{
    private readonly Stack<IDisposable> _belongings = [];
    private readonly List<Contender> _contenders = [];
    private readonly List<(Contender Ours, Contender Theirs, double? AtMost)> _comparisons = [];
    private readonly List<(string What, Func<string> Value)> _remarks = [];

    /// <summary>Who takes part, in the order in which they take turns.</summary>
    public IReadOnlyList<Contender> Contenders => _contenders;

    /// <summary>Runs before each turn of every contender, outside the measurement.</summary>
    public Action BeforeTurn { get; set; } = () => { };

    /// <summary>Whose medians are compared; what their ratio should be at most, null where no goal was set.</summary>
    public IReadOnlyList<(Contender Ours, Contender Theirs, double? AtMost)> Comparisons => _comparisons;

    /// <summary>Other figures, reported after the measurement.</summary>
    public IReadOnlyList<(string What, Func<string> Value)> Remarks => _remarks;

    /// <summary>Takes charge of something that contenders need: it is disposed of in the end.</summary>
    public T Keep<T>(T belonging)
        where T : IDisposable
    {
        _belongings.Push(belonging);
        return belonging;
    }

    /// <summary>Lets someone take part.</summary>
    public T Add<T>(T contender)
        where T : Contender
    {
        _contenders.Add(contender);
        return contender;
    }

    /// <summary>Compares two by the ratio of their medians.</summary>
    /// <param name="ours">MemProc.</param>
    /// <param name="theirs">What it is held against.</param>
    /// <param name="atMost">The goal; null: none was set.</param>
    public void Compare(Contender ours, Contender theirs, double? atMost = null) =>
        _comparisons.Add((ours, theirs, atMost));

    /// <summary>Reports a figure that is not a time, such as bytes a page.</summary>
    public void Remark(string what, Func<string> value) => _remarks.Add((what, value));

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_belongings.TryPop(out IDisposable? belonging))
        {
            belonging.Dispose();
        }
    }
}
