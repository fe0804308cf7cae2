namespace MemProc;

/// <summary>How a number is held against what it was.</summary>
public enum ScanComparison
{
    /// <summary>Its bytes are others.</summary>
    Changed,
    /// <summary>Its bytes are the same.</summary>
    Unchanged,
    /// <summary>It is larger.</summary>
    Increased,
    /// <summary>It is smaller.</summary>
    Decreased,
}
