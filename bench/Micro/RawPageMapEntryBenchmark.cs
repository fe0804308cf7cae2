using BenchmarkDotNet.Attributes;
using MemProc.Interop;

namespace MemProc.Bench;

/// <summary>Looking at the pagemap words of 256 MiB.</summary>
public class RawPageMapEntryBenchmark
{
    private const int Count = 64 * 1024;
    private readonly ulong[] _words = Entries();

    /// <summary>Whether a page is present.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public int Present()
    {
        int present = 0;
        foreach (ulong word in _words)
        {
            present += new RawPageMapEntry(word).IsPresent ? 1 : 0;
        }

        return present;
    }

    /// <summary>Whether anything is recorded for a page.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public int Populated()
    {
        int populated = 0;
        foreach (ulong word in _words)
        {
            populated += new RawPageMapEntry(word).IsPopulated ? 1 : 0;
        }

        return populated;
    }

    /// <summary>The frame numbers of present pages.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public ulong Frames()
    {
        ulong frames = 0;
        foreach (ulong raw in _words)
        {
            RawPageMapEntry word = new(raw);
            frames ^= word.IsPresent && !word.IsPfnHidden ? word.Pfn : 0;
        }

        return frames;
    }

    /// <summary>Three pages in four are present, in no order that a processor could foresee.</summary>
    private static ulong[] Entries()
    {
        Random random = new(1);
        ulong[] words = new ulong[Count];
        for (int index = 0; index < Count; index++)
        {
            words[index] = random.Next(4) == 0 ? 0 : 0x8100_0000_0000_0000 | (uint)random.Next(1, 1 << 23);
        }

        return words;
    }
}
