namespace MemProc.Bench;

/// <summary>What a case has set up: who takes part, and what is to be compared.</summary>
internal sealed class CaseContext : IDisposable
{
    private readonly Stack<IDisposable> _resources = [];
    private readonly List<Candidate> _candidates = [];
    private readonly List<(Candidate Ours, Candidate Theirs, double? MaxRatio)> _comparisons = [];
    private readonly List<(string What, Func<string> Value)> _remarks = [];

    /// <summary>Who takes part, in the order in which they take turns.</summary>
    public IReadOnlyList<Candidate> Candidates => _candidates;

    /// <summary>Runs before each turn of every contender, outside the measurement.</summary>
    public Action BeforeMeasurement { get; set; } = () => { };

    /// <summary>Whose medians are compared; what their ratio should be at most, null where no goal was set.</summary>
    public IReadOnlyList<(Candidate Ours, Candidate Theirs, double? MaxRatio)> Comparisons => _comparisons;

    /// <summary>Other figures, reported after the measurement.</summary>
    public IReadOnlyList<(string What, Func<string> Value)> Remarks => _remarks;

    /// <summary>Takes charge of something that contenders need: it is disposed of in the end.</summary>
    public T Keep<T>(T resource)
        where T : IDisposable
    {
        _resources.Push(resource);
        return resource;
    }

    /// <summary>Lets someone take part.</summary>
    public T Add<T>(T candidate)
        where T : Candidate
    {
        _candidates.Add(candidate);
        return candidate;
    }

    /// <summary>Compares two by the ratio of their medians.</summary>
    /// <param name="ours">MemProc.</param>
    /// <param name="theirs">What it is held against.</param>
    /// <param name="maxRatio">The goal; null: none was set.</param>
    public void Compare(Candidate ours, Candidate theirs, double? maxRatio = null) =>
        _comparisons.Add((ours, theirs, maxRatio));

    /// <summary>Reports a figure that is not a time, such as bytes a page.</summary>
    public void Remark(string what, Func<string> value) => _remarks.Add((what, value));

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_resources.TryPop(out IDisposable? resource))
        {
            resource.Dispose();
        }
    }
}
