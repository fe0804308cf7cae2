using BenchmarkDotNet.Attributes;

namespace MemProc.Bench;

/// <summary>Writing bytes as a dump: 4 KiB, 256 lines.</summary>
public class HexDumpBenchmark
{
    private readonly byte[] _bytes = [.. Enumerable.Range(0, 4096).Select(value => (byte)(value * 7))];

    /// <summary>All bytes were read.</summary>
    [Benchmark]
    public int Lines() => HexDump.Lines(0x7f93a48c6000, _bytes, (ulong)_bytes.Length, []).Sum(line => line.Length);
}
