using System.CommandLine;
using System.Diagnostics;

namespace MemProc.Bench;

/// <summary>
/// <c>fuzz</c>: damaged ELF files, or cores, are read from end to end. None may do worse than fail, take 100 ms or 64 MiB.
/// </summary>
internal sealed class FuzzCommand : Command
{
    private const long MaxBytes = 64 * 1024 * 1024;
    private const int MaxSampleBytes = 512 * 1024;

    private static readonly TimeSpan MaxTime = TimeSpan.FromMilliseconds(100);

    private readonly Argument<int> _count = new("count")
    {
        Description = "How many files",
        DefaultValueFactory = _ => 100_000,
    };

    private readonly Argument<int> _seed = new("seed")
    {
        Description = "The same number makes the same files",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<string[]> _samples = new("--sample")
    {
        Description = "Sound files to damage, of at most 512 KiB; this machine's ls, loader and vDSO when left out",
        HelpName = "path",
    };

    private readonly Option<bool> _cores = new("--cores")
    {
        Description = "Damage cores with notes of the kernel and of MemProc",
    };

    public FuzzCommand()
        : base("fuzz", "Reads damaged ELF files, and fails where one takes too long or too much memory.")
    {
        Arguments.Add(_count);
        Arguments.Add(_seed);
        Options.Add(_samples);
        Options.Add(_cores);
        SetAction(given => given.GetValue(_cores)
            ? Run(given.GetValue(_count), given.GetValue(_seed), CoreFuzz.Samples(), CoreFuzz.ReadAll)
            : Run(given.GetValue(_count), given.GetValue(_seed), [.. Samples(given.GetValue(_samples) ?? [])],
                bytes => ElfFuzz.ReadAll(bytes).IsSound));
    }

    private static int Run(int count, int seed, byte[][] samples, Func<byte[], bool> readAll)
    {
        // What is compiled on the way must not be counted.
        foreach (byte[] sample in samples)
        {
            readAll(sample);
        }

        int broken = 0, bad = 0;
        long maxBytes = 0;
        TimeSpan maxTime = TimeSpan.Zero;
        for (int number = 0; number < count; number++)
        {
            // Each file has its own numbers, so that one can be made again alone.
            Random random = new(unchecked(seed * 1_000_003 + number));
            byte[] damaged = ElfFuzz.Damage(samples[number % samples.Length], random);
            (bool isSound, TimeSpan time, long bytes) = Measure(damaged, readAll);
            // A short pause of the machine is not caused by the file, and does not happen three times in a row.
            for (int again = 0; again < 2 && time > MaxTime; again++)
            {
                TimeSpan next = Measure(damaged, readAll).Time;
                time = next < time ? next : time;
            }

            broken += isSound ? 0 : 1;
            maxBytes = Math.Max(maxBytes, bytes);
            maxTime = time > maxTime ? time : maxTime;
            if (time > MaxTime || bytes > MaxBytes)
            {
                bad++;
                string kept = Path.Combine(Path.GetTempPath(), $"memproc-fuzz-{seed}-{number}.elf");
                File.WriteAllBytes(kept, damaged);
                Console.WriteLine($"{kept}: {time.TotalMilliseconds:0} ms, {HumanSize.Format((ulong)bytes)}");
            }
        }

        Console.WriteLine($"{count} files: {broken} broken, {count - broken} still readable, {bad} too slow or too large; "
            + $"at most {maxTime.TotalMilliseconds:0.0} ms and {HumanSize.Format((ulong)maxBytes)} for one.");
        return bad == 0 ? 0 : 1;
    }

    private static (bool IsSound, TimeSpan Time, long Bytes) Measure(byte[] damaged, Func<byte[], bool> readAll)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        bool isSound = readAll(damaged);
        return (isSound, Stopwatch.GetElapsedTime(start), GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static IEnumerable<byte[]> Samples(string[] paths)
    {
        using LinuxProcess self = LinuxProcess.Open(Environment.ProcessId);
        ProcMap[] maps = [.. MapReader.Read(self)];
        if (paths.Length == 0)
        {
            paths = ["/bin/ls", .. maps.Where(map => Path.GetFileName(map.Path).StartsWith("ld-", StringComparison.Ordinal))
                .Select(map => map.Path).Distinct()];
            if (Array.Find(maps, map => map.Kind == ProcMapKind.Vdso) is ProcMap vdso)
            {
                yield return new MemoryReader(self, ReadMethod.Auto).ReadExactly(vdso.Start, vdso.SizeBytes);
            }
        }

        foreach (string path in paths)
        {
            byte[] bytes = File.ReadAllBytes(path);
            if (bytes.Length <= MaxSampleBytes)
            {
                yield return bytes;
            }
        }
    }
}
