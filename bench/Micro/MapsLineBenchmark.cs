using BenchmarkDotNet.Attributes;
using MemProc.Interop;

namespace MemProc.Bench;

/// <summary>Parsing one line of maps.</summary>
public class MapsLineBenchmark
{
    private readonly byte[] _anonymous = [.. "7f93a48c6000-7f93a48c8000 rw-p 00000000 00:00 0 "u8];
    private readonly byte[] _file =
        [.. "7f93a4719000-7f93a486f000 r-xp 00026000 fd:00 393291                     /usr/lib/libc.so.6"u8];

    /// <summary>A line without a path.</summary>
    [Benchmark]
    public ulong Anonymous() => MapsLine.TryParse(_anonymous, out MapsLine line) ? line.End : 0;

    /// <summary>A line with a path.</summary>
    [Benchmark]
    public int File() => MapsLine.TryParse(_file, out MapsLine line) ? line.Path.Length : 0;
}
