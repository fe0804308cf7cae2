using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests scans: values that are stored, rounds that keep matches, and memory use.</summary>
public sealed class MemoryScanTests
{
    [Fact]
    public void Rounds_keep_the_same_matches_as_a_simple_comparison()
    {
        using TargetProcess target = TargetProcess.Start();
        const int Pages = 12;
        int size = Pages * (int)Page.Size;
        ulong address = target.Ask($"map {size} rw- private").Address("address");
        target.Ask($"protect {address + 4 * Page.Size} {4 * Page.Size} rwx");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Random random = new(30);
        for (int round = 0; round < 66; round++)
        {
            MemoryValueType type = (MemoryValueType)(round % 11);
            int length = MemoryValue.SizeOf(type);
            int alignment = random.Next(3) == 0 ? 1 << random.Next(4) : length;
            byte[] before = Contents(random, size, round);
            MemorySearchTests.Write(process, address, before);
            MemoryScanner scanner = new(process)
            {
                Range = SearchRange.All.From(address + (ulong)random.Next(40), (ulong)size - 80),
                Workers = random.Next(1, 4),
            };
            int from = (int)(scanner.Range.Start - address), to = (int)(scanner.Range.End - address);
            object requested = MemoryValue.Decode(before.AsSpan(random.Next(size / 8 - 1) * 8), type);
            bool byValue = random.Next(2) == 0;
            MemoryScan scan = scanner.Start(
                type, byValue ? ValueCondition.EqualTo(type, requested) : null, alignment);
            int[] expected = [.. Enumerable.Range(from, to - from - length + 1)
                .Where(at => (address + (ulong)at) % (ulong)alignment == 0
                    && (!byValue || Same(MemoryValue.Decode(before.AsSpan(at), type), requested)))];
            AssertHolds(scan, process, address, expected, before, $"{round} {type} {alignment} {byValue}");

            for (int step = 0; step < 4; step++)
            {
                byte[] now = [.. before];
                int changes = random.Next(3) switch { 0 => 0, 1 => 20, _ => size / 4 };
                for (int change = 0; change < changes; change++)
                {
                    now[random.Next(size)] = (byte)random.Next(4);
                }

                MemorySearchTests.Write(process, address, now);
                ScanComparison comparison = (ScanComparison)random.Next(4);
                scan = scanner.Narrow(scan, ScanTest.Of(type, comparison));
                expected = [.. expected.Where(at => Matches(comparison, MemoryValue.Decode(now.AsSpan(at), type),
                    MemoryValue.Decode(before.AsSpan(at), type), now.AsSpan(at, length), before.AsSpan(at, length)))];
                AssertHolds(scan, process, address, expected, now,
                    $"{round} {type} {alignment} {byValue} {step} {comparison}");
                before = now;
            }

            Assert.Equal(5, scan.Rounds);
        }
    }

    [Fact]
    public void A_variable_is_found_among_all_values()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong length = 64 * Page.Size;
        ulong address = target.Ask($"map {length} rw- private").Address("address");
        target.Ask($"fill {address} {length} 3");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryScanner scanner = new(process) { Range = SearchRange.All.From(address, length) };
        ulong variable = address + 40 * Page.Size + 24;
        MemoryScan first = scanner.Start(MemoryValueType.Int32, null);
        Assert.Equal(length / 4, first.Count);
        MemorySearchTests.Write(process, variable, BitConverter.GetBytes(1_000_000));
        MemoryScan scan = scanner.Narrow(first, ScanTest.Of(MemoryValueType.Int32, ScanComparison.Changed));
        MemorySearchTests.Write(process, variable, BitConverter.GetBytes(1_000_001));
        scan = scanner.Narrow(scan, ScanTest.Of(MemoryValueType.Int32, ScanComparison.Increased));
        scan = scanner.Narrow(scan, ScanTest.Of(MemoryValueType.Int32, ScanComparison.Unchanged));
        scan = scanner.Narrow(scan, ScanTest.Of(ValueCondition.EqualTo(MemoryValueType.Int32, 1_000_001)));
        MemoryMatch match = Assert.Single(scan.Matches(process));
        Assert.Equal((variable, (object)1_000_001, "rw-p", 40 * Page.Size + 24),
            (match.Address, match.Value, match.Permissions, match.OffsetInMapping));
        // The previous scan is unchanged.
        Assert.Equal((1, length / 4), (first.Rounds, first.Count));
        Assert.Empty(scanner.Narrow(scan, ScanTest.Of(MemoryValueType.Int32, ScanComparison.Decreased)).Matches(process));
    }

    [Fact]
    public void Candidates_are_stored_as_bits()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong length = 8192 * Page.Size;
        ulong address = target.Ask($"map {length} rw- private").Address("address");
        target.Ask($"touch {address} 8192");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryScanner scanner = new(process) { Range = SearchRange.All.From(address, length) };
        ulong numbers = length / 4;

        // All but one number per page are 0: the numbers need no memory, the candidates one bit each.
        MemoryScan zeros = scanner.Start(MemoryValueType.Int32, ValueCondition.EqualTo(MemoryValueType.Int32, 0));
        Assert.Equal(numbers - 8192, zeros.Count);
        Assert.True(zeros.HeldBytes < numbers / 8 + length / 200, $"{zeros.HeldBytes}");

        // Without a value, the scan stores the memory itself.
        MemoryScan all = scanner.Start(MemoryValueType.Int32, null);
        Assert.Equal(numbers, all.Count);
        Assert.True(all.HeldBytes < length + length / 100, $"{all.HeldBytes}");

        // Few candidates need little memory, wherever they are.
        MemoryScan ones = scanner.Narrow(all, ScanTest.Of(ValueCondition.EqualTo(MemoryValueType.Int32, 1)));
        Assert.Equal(8192UL, ones.Count);
        Assert.True(ones.HeldBytes < 8192 * 20, $"{ones.HeldBytes}");

        // Pages filled with one number need almost no memory.
        ulong empty = target.Ask($"map {length} rw- private").Address("address");
        MemoryScanner other = new(process) { Range = new SearchRange { IncludeNotResident = true }.From(empty, length) };
        MemoryScan uniform = other.Start(MemoryValueType.Int32, null);
        Assert.Equal(numbers, uniform.Count);
        Assert.True(uniform.HeldBytes < length / 1000, $"{uniform.HeldBytes}");
        uniform = other.Narrow(uniform, ScanTest.Of(MemoryValueType.Int32, ScanComparison.Unchanged));
        Assert.Equal(numbers, uniform.Count);
    }

    [Fact]
    public void A_scan_that_needs_too_much_memory_is_rejected()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong length = 512 * Page.Size;
        ulong address = target.Ask($"map {length} rw- private").Address("address");
        target.Ask($"fill {address} {length} 1");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        SearchRange range = SearchRange.All.From(address, length);
        MemoryScanner scanner = new(process) { Range = range, MaxHeldBytes = length / 2, Force = true };
        Assert.Equal("ScanMemory,ENOMEM",
            Assert.Throws<MemProcException>(() => scanner.Start(MemoryValueType.Int32, null)).ErrorId);
        // With the old scan beside it, the new one has to fit as well.
        MemoryScan scan = new MemoryScanner(process) { Range = range }.Start(MemoryValueType.Int32, null);
        target.Ask($"fill {address} {length} 2");
        Assert.Equal("ScanMemory,ENOMEM", Assert.Throws<MemProcException>(() =>
            scanner.Narrow(scan, ScanTest.Of(MemoryValueType.Int32, ScanComparison.Changed))).ErrorId);
    }

    [Fact]
    public void A_scan_for_all_numbers_is_estimated_and_refused_before_anything_is_read()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong length = 512 * Page.Size;
        ulong address = target.Ask($"map {length} rw- private").Address("address");
        target.Ask($"advise {address} {length} 15");
        target.Ask($"touch {address} 100");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        List<ulong> estimates = [];
        SearchRange range = SearchRange.All.From(address, length);
        MemoryScanner scanner = new(process) { Range = range, MaxHeldBytes = 99 * Page.Size, Estimated = estimates.Add };
        MemProcException error = Assert.Throws<MemProcException>(() => scanner.Start(MemoryValueType.Int32, null));
        Assert.Equal("ScanMemory,ENOMEM", error.ErrorId);
        Assert.Contains("Force", error.Message, StringComparison.Ordinal);
        Assert.Equal([100 * Page.Size], estimates);
        Assert.Equal(0UL, scanner.SearchedBytes);
        // A condition needs no such memory.
        Assert.Equal(100UL, scanner.Start(MemoryValueType.Int32, ValueCondition.EqualTo(MemoryValueType.Int32, 1)).Count);
        MemoryScan scan = new MemoryScanner(process) { Range = range, MaxHeldBytes = 120 * Page.Size }
            .Start(MemoryValueType.Int32, null);
        Assert.InRange(scan.HeldBytes, 1UL, 110 * Page.Size);
    }

    [Fact]
    public void More_than_2_gib_of_equal_numbers_are_scanned()
    {
        const ulong Length = (2UL << 30) + (64 << 20);
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {Length} r-- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryScanner scanner = new(process)
        {
            Range = new SearchRange { IncludeNotResident = true }.From(address, Length),
        };
        MemoryScan scan = scanner.Start(MemoryValueType.Byte, null);
        Assert.Equal(Length, scan.Count);
        Assert.InRange(scan.HeldBytes, 1UL, 1UL << 20);
        Assert.Equal(Length, scanner.Narrow(scan, ScanTest.Of(MemoryValueType.Byte, ScanComparison.Unchanged)).Count);
    }

    [Fact]
    public void Available_memory_is_what_the_cgroups_leave()
    {
        using SimulatedCgroups cgroups = new();
        File.WriteAllText(Path.Combine(cgroups.Files.Proc, "meminfo"), "MemTotal:  9000 kB\nMemAvailable:  4000 kB\n");
        Assert.Equal(4000UL * 1024, AvailableMemory.Bytes(cgroups.Files));
        cgroups.Mount("", "cgroup2", "rw");
        cgroups.Make("outer/inner");
        cgroups.Join("0::/outer/inner");
        Write("outer/inner/memory.max", "max");
        Write("outer/inner/memory.current", "500");
        Assert.Equal(4000UL * 1024, AvailableMemory.Bytes(cgroups.Files));
        Write("outer/memory.max", "1000");
        Write("outer/memory.current", "800");
        Assert.Equal(200UL, AvailableMemory.Bytes(cgroups.Files));
        // Of the page cache, what is not in use is given up first.
        Write("outer/memory.stat", "anon 500\ninactive_file 300\n");
        Assert.Equal(500UL, AvailableMemory.Bytes(cgroups.Files));

        void Write(string file, string text) => File.WriteAllText(Path.Combine(cgroups.Root, file), text);
    }

    [Fact]
    public void Available_memory_follows_cgroups_of_version_1()
    {
        using SimulatedCgroups cgroups = new();
        File.WriteAllText(Path.Combine(cgroups.Files.Proc, "meminfo"), "MemAvailable:  4000 kB\n");
        cgroups.Mount("memory", "cgroup", "rw,memory");
        cgroups.Make("memory/inner");
        cgroups.Join("4:memory:/inner", "0::/");
        File.WriteAllText(Path.Combine(cgroups.Root, "memory/inner/memory.limit_in_bytes"), "1000");
        File.WriteAllText(Path.Combine(cgroups.Root, "memory/inner/memory.usage_in_bytes"), "900");
        File.WriteAllText(Path.Combine(cgroups.Root, "memory/inner/memory.stat"), "inactive_file 1\ntotal_inactive_file 50\n");
        Assert.Equal(150UL, AvailableMemory.Bytes(cgroups.Files));
    }

    [Fact]
    public async Task Candidates_between_many_gaps_are_dropped_in_one_pass()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong pages = 3000;
        ulong address = target.Ask($"map {pages * Page.Size} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryScanner scanner = new(process)
        {
            Range = new SearchRange { IncludeNotResident = true }.From(address, pages * Page.Size),
        };
        MemoryScan scan = scanner.Start(MemoryValueType.Byte, null);
        for (ulong page = 0; page < pages; page += 2)
        {
            target.Ask($"protect {address + page * Page.Size} {Page.Size} ---");
        }

        // 12 million candidates and 1500 gaps took minutes.
        MemoryScan rest = await Task.Run(() => scanner.Narrow(scan, ScanTest.Of(MemoryValueType.Byte, ScanComparison.Unchanged)))
            .WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal((pages / 2 * Page.Size, pages / 2 * Page.Size), (rest.Count, rest.LostCount));
    }

    [Fact]
    public void Candidates_unmapped_between_rounds_are_lost_and_counted()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {4 * Page.Size} rw- private").Address("address");
        target.Ask($"fill {address} {4 * Page.Size} 1");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryScanner scanner = new(process) { Range = SearchRange.All.From(address, 4 * Page.Size) };
        MemoryScan scan = scanner.Start(MemoryValueType.Int16, null, alignment: 1);
        Assert.Equal(4 * Page.Size - 1, scan.Count);
        target.Ask($"unmap {address + Page.Size} {Page.Size}");
        scan = scanner.Narrow(scan, ScanTest.Of(MemoryValueType.Int16, ScanComparison.Unchanged));
        // The number that extends into the hole is lost too.
        Assert.Equal((3 * Page.Size - 2, Page.Size + 1), (scan.Count, scan.LostCount));
    }

    [Fact]
    public void The_process_must_be_the_one_that_was_scanned()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {Page.Size} rw- private").Address("address");
        target.Ask($"touch {address} 1");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryScanner scanner = new(process) { Range = SearchRange.All.From(address, Page.Size) };
        MemoryScan scan = scanner.Start(MemoryValueType.Byte, null);
        target.Kill();
        Assert.Equal(Errno.ESRCH, Assert.Throws<MemProcException>(
            () => scanner.Narrow(scan, ScanTest.Of(MemoryValueType.Byte, ScanComparison.Changed))).Errno);
        Assert.Equal("OpenProcess,ESRCH", Assert.Throws<MemProcException>(scan.OpenTarget).ErrorId);
    }

    [Fact]
    public void Single_matches_are_compared_again()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("garlic").Address("text");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MatchReader reader = new(process);
        byte[] garlic = "garlic"u8.ToArray();
        ScanTest changed = ScanTest.Of(MemoryValueType.Byte, ScanComparison.Changed);
        Assert.Null(reader.Read(address, garlic, null, "garlic", changed));
        MemorySearchTests.Write(process, address, "carrot"u8.ToArray());
        MemoryMatch match = reader.Read(address, garlic, null, "garlic", changed)!;
        Assert.Equal("carrot"u8.ToArray(), match.Bytes);
        Assert.Equal(garlic, match.PreviousBytes);
        Assert.Equal("garlic", match.PreviousValue);
        Assert.Null(match.Value);
        MemoryMatch number = reader.Read(address, BitConverter.GetBytes(5), MemoryValueType.Int32, 5,
            ScanTest.Of(MemoryValueType.Int32, ScanComparison.Increased))!;
        Assert.Equal((BitConverter.ToInt32("carr"u8), 5), ((int)number.Value!, (int)number.PreviousValue!));
    }

    /// <summary>Returns numbers that are often equal, or pages filled with one number.</summary>
    private static byte[] Contents(Random random, int size, int round)
    {
        byte[] bytes = new byte[size];
        if (round % 3 != 0)
        {
            random.GetItems<byte>([0, 0, 0, 1, 0xff, 0x7f], bytes);
        }

        if (round % 3 == 2)
        {
            for (int page = 0; page < size; page += 2 * (int)Page.Size)
            {
                bytes.AsSpan(page, (int)Page.Size).Fill((byte)random.Next(2));
            }
        }

        return bytes;
    }

    private static bool Same(object value, object other) => value switch
    {
        float number => number == (float)other || (float.IsNaN(number) && float.IsNaN((float)other)),
        double number => number == (double)other || (double.IsNaN(number) && double.IsNaN((double)other)),
        _ => value.Equals(other),
    };

    private static bool Matches(
        ScanComparison comparison, object now, object before, ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> bytesBefore)
    {
        if (comparison is ScanComparison.Changed or ScanComparison.Unchanged)
        {
            return bytes.SequenceEqual(bytesBefore) == (comparison == ScanComparison.Unchanged);
        }

        bool isUnordered = now is float.NaN or double.NaN || before is float.NaN or double.NaN;
        int order = isUnordered ? 0 : now is float or double
            ? Convert.ToDouble(now, null).CompareTo(Convert.ToDouble(before, null))
            : Comparer<object>.Default.Compare(now, before);
        // -0 sorts below 0, but is equal to it.
        bool isEqual = now is float or double && Convert.ToDouble(now, null) == Convert.ToDouble(before, null);
        return !isEqual && (comparison == ScanComparison.Increased ? order > 0 : order < 0);
    }

    private static void AssertHolds(
        MemoryScan scan, LinuxProcess process, ulong address, int[] expected, byte[] bytes, string what)
    {
        Assert.True((ulong)expected.Length == scan.Count, $"{what}: {scan.Count} instead of {expected.Length}");
        int index = 0;
        foreach (MemoryMatch match in scan.Matches(process))
        {
            int at = (int)(match.Address - address);
            // Builds the message only on failure, for speed.
            if (at != expected[index] || !bytes.AsSpan(at, match.Bytes.Length).SequenceEqual(match.Bytes))
            {
                Assert.Fail($"{what}: {Convert.ToHexString(match.Bytes)} at {at} instead of {expected[index]}");
            }

            index++;
        }

        Assert.Equal(expected.Length, index);
    }
}
