using System.Globalization;

namespace MemProc.Tests;

/// <summary>Tests writes to address expressions, which are resolved together before anything is written.</summary>
public sealed class UnresolvedWriteTests : TargetTests
{
    [Fact]
    public void Expressions_and_numbers_become_addresses_in_their_order()
    {
        ulong seed = Target.Ask("seed").Address("address");
        ulong libc = MapReader.Read(Process).First(map => map.Path.EndsWith("/libc.so.6", StringComparison.Ordinal)).Start;
        IReadOnlyList<MemoryWriteRequest> writes = UnresolvedWrite.Resolve(Process,
        [
            new(AddressExpression.Parse("libc.so.6+8"), [1], [2], Force: true),
            new(AddressExpression.FromNumber(seed), [3, 4]),
        ]);
        Assert.Equal([libc + 8, seed], writes.Select(write => write.Address));
        Assert.Equal([1], writes[0].Bytes);
        Assert.Equal([2], writes[0].Expected);
        Assert.Equal([3, 4], writes[1].Bytes);
        Assert.Null(writes[1].Expected);
        Assert.Equal([true, false], writes.Select(write => write.Force));
    }

    [Fact]
    public void One_address_that_does_not_resolve_fails_all_of_them()
    {
        ulong seed = Target.Ask("seed").Address("address");
        UnresolvedWrite bad = new(AddressExpression.Parse("libnone.so+8"), [1]);
        MemProcException error = Assert.Throws<MemProcException>(() => UnresolvedWrite.Resolve(
            Process, [new(AddressExpression.FromNumber(seed), [1]), new(AddressExpression.Parse("[heap]"), [1]), bad]));
        Assert.Equal("ResolveAddress,ENOENT", error.ErrorId);
        Assert.EndsWith(" None of the 3 writes was done.", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<MemProcException>(() => UnresolvedWrite.Resolve(Process, [bad]));
        Assert.DoesNotContain("None of the", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_maps_are_read_once_for_many_expressions_and_never_for_numbers()
    {
        Target.Ask("vmas 1000");
        long maps = BytesReadBy(() => _ = MapReader.Read(Process).Count());
        UnresolvedWrite[] writes = [.. Enumerable.Range(0, 20).Select(
            number => new UnresolvedWrite(AddressExpression.Parse($"[stack]-{number}"), [1]))];
        Assert.InRange(BytesReadBy(() => UnresolvedWrite.Resolve(Process, writes)), maps / 2, 3 * maps);
        UnresolvedWrite[] numbers = [.. Enumerable.Range(1, 20).Select(
            number => new UnresolvedWrite(AddressExpression.FromNumber((ulong)number), [1]))];
        Assert.InRange(BytesReadBy(() => UnresolvedWrite.Resolve(Process, numbers)), 0, maps / 2);
    }

    /// <summary>Returns the bytes that this thread has read by system calls.</summary>
    private static long BytesReadBy(Action work)
    {
        long before = BytesRead();
        work();
        return BytesRead() - before;
    }

    private static long BytesRead()
    {
        const string File = "/proc/thread-self/io";
        Assert.SkipUnless(System.IO.File.Exists(File), "needs a kernel with CONFIG_TASK_IO_ACCOUNTING");
        string line = System.IO.File.ReadLines(File).First(line => line.StartsWith("rchar: ", StringComparison.Ordinal));
        return long.Parse(line["rchar: ".Length..], CultureInfo.InvariantCulture);
    }
}
