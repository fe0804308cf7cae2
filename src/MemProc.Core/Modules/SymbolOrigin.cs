namespace MemProc;

/// <summary>Where the name of an address comes from.</summary>
public enum SymbolOrigin
{
    /// <summary>The symbols that a program needs to run; they stay when a file is stripped.</summary>
    Dynamic,
    /// <summary>The table of all that the linker knew.</summary>
    Full,
    /// <summary>The same table in a separate file of debugging information.</summary>
    DebugFile,
    /// <summary>A map that the process wrote of code which it makes while it runs: <c>/tmp/perf-PID.map</c>.</summary>
    PerfMap,
}
