using System.Runtime.InteropServices;
using System.Text;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests reads of values, structs, strings and pointers of another process.</summary>
public sealed class TypedReaderTests
{
    [Theory]
    [InlineData(ReadMethod.ProcessVm)]
    [InlineData(ReadMethod.Mem)]
    public void Every_type_is_read_as_it_was_written(ReadMethod method)
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {Page.Size} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        foreach (MemoryValueType type in Enum.GetValues<MemoryValueType>())
        {
            object value = type == MemoryValueType.Bool ? true : 65;
            byte[] bytes = MemoryValue.Encode(value, type);
            Write(process, address, bytes);
            foreach (bool isBigEndian in new[] { false, true })
            {
                byte[] order = isBigEndian && !MemoryValue.IsPointer(type) ? [.. bytes.Reverse()] : bytes;
                Write(process, address, order);
                object? back = Assert.Single(new TypedReader(process, new MemoryReader(process, method))
                {
                    IsBigEndian = isBigEndian,
                }.Values(address, MemoryType.Of(type), 1));
                Assert.Equal(bytes, MemoryValue.Encode(back!, type));
                Assert.IsType(MemoryValue.Decode(bytes, type).GetType(), back);
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Many_values_and_structs_are_read_without_gaps(bool readsAhead)
    {
        using TargetProcess target = TargetProcess.Start();
        const ulong Length = 1 << 20;
        ulong address = target.Ask($"map {Length} rw- private").Address("address");
        target.Ask($"fill {address} {Length} 3");
        byte[] expected = target.Ask($"peek {address} {Length}").Bytes("bytes");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        TypedReader reader = new(process, new MemoryReader(process, ReadMethod.Auto)) { ReadsAhead = readsAhead };
        IEnumerable<object?> values = reader.Values(address + 1, MemoryType.Parse("uint16"), Length / 2 - 1);
        Assert.Equal(
            Enumerable.Range(0, (int)Length / 2 - 1).Select(index => BitConverter.ToUInt16(expected, 1 + 2 * index)),
            values.Cast<ushort>());
        // A stride that does not divide a block, and one that skips pages.
        MemoryLayout layout = MemoryLayout.Parse("int32 a; byte b");
        foreach (ulong stride in new[] { 8UL, 13UL, 3 * Page.Size })
        {
            ulong count = (Length - 8) / stride;
            MemoryRecord[] records = [.. reader.Records(address, layout, count, stride)];
            Assert.Equal(count, (ulong)records.Length);
            for (int index = 0; index < records.Length; index++)
            {
                int at = index * (int)stride;
                Assert.Equal(address + (ulong)at, records[index].Address);
                Assert.Equal([BitConverter.ToInt32(expected, at), expected[at + 4]],
                    records[index].GetFields().Select(pair => pair.Value));
            }
        }
    }

    [Fact]
    public void Structs_far_apart_leave_the_pages_between_them_untouched()
    {
        using TargetProcess target = TargetProcess.Start();
        const ulong Pages = 64;
        ulong address = target.Ask($"map {Pages * Page.Size} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        TypedReader reader = new(process, new MemoryReader(process, ReadMethod.Auto));
        Assert.Equal(4, reader.Records(address, MemoryLayout.Parse("int32 a"), 4, 16 * Page.Size).Count());
        Assert.Equal(4UL, new ResidentMemory(process).Ranges(address, address + Pages * Page.Size)
            .Aggregate(0UL, (sum, range) => sum + range.SizeBytes / Page.Size));
    }

    [Fact]
    public void The_last_struct_may_end_in_padding_at_the_end_of_a_mapping()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {Page.Size} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        TypedReader reader = new(process, new MemoryReader(process, ReadMethod.Auto));
        MemoryLayout layout = MemoryLayout.Parse("int64 a; int32 b");
        Assert.Equal(16, layout.SizeBytes);
        Assert.Single(reader.Records(address + Page.Size - 12, layout, 1, 16));
        MemProcException error = Assert.Throws<MemProcException>(
            () => reader.Records(address + Page.Size - 12, layout, 2, 16).Count());
        Assert.Equal("ReadMemory,EFAULT", error.ErrorId);
    }

    [Fact]
    public void String_pointers_are_read_as_strings_and_null_is_null()
    {
        using TargetProcess target = TargetProcess.Start();
        TargetReply garlic = target.Ask("garlic");
        ulong address = target.Ask($"map {2 * Page.Size} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Write(process, address, [.. BitConverter.GetBytes(garlic.Address("text")), .. new byte[8]]);
        TypedReader reader = new(process, new MemoryReader(process, ReadMethod.Auto));
        Assert.Equal(["garlic", null], reader.Values(address, MemoryType.Parse("char*"), 2));
        MemoryRecord record = Assert.Single(reader.Records(address, MemoryLayout.Parse("char* a; char* b"), 1, 16));
        Assert.Equal(["garlic", null], record.GetFields().Select(pair => pair.Value));

        Write(process, address + 8, BitConverter.GetBytes(0x10UL));
        MemProcException error = Assert.Throws<MemProcException>(
            () => reader.Records(address, MemoryLayout.Parse("char* a; char* b"), 1, 16).Count());
        Assert.Equal("ReadMemory,EFAULT", error.ErrorId);
        Assert.Contains("field 'b'", error.Message, StringComparison.Ordinal);

        Write(process, address + 8, BitConverter.GetBytes(address + Page.Size));
        Write(process, address + Page.Size, [.. Enumerable.Repeat((byte)'x', TypedReader.MaxTextBytes)]);
        error = Assert.Throws<MemProcException>(() => reader.Values(address, MemoryType.Parse("char*"), 2).Count());
        Assert.Equal("ReadMemory,E2BIG", error.ErrorId);
    }

    [Fact]
    public void Strings_of_one_array_have_a_maximum_length_together()
    {
        const int Texts = 3;
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {(Texts + 32) * Page.Size} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ulong pointers = address + Texts * Page.Size;
        // A pointer to each byte of three long strings: 25 million characters.
        ulong[] all = [.. Enumerable.Range(0, Texts * (int)Page.Size).Select(at => address + (ulong)at)];
        byte[] text = [.. Enumerable.Repeat((byte)'x', (int)Page.Size - 1), 0];
        Write(process, address, [.. Enumerable.Repeat(text, Texts).SelectMany(bytes => bytes)]);
        Write(process, pointers, MemoryMarshal.AsBytes(all.AsSpan()).ToArray());
        TypedReader reader = new(process, new MemoryReader(process, ReadMethod.Auto));
        MemProcException error = Assert.Throws<MemProcException>(
            () => reader.Values(pointers, MemoryType.Parse($"char*[{all.Length}]"), 1).Count());
        Assert.Equal("ReadMemory,E2BIG", error.ErrorId);
        Assert.Contains($"0x{pointers:x}", error.Message, StringComparison.Ordinal);

        Assert.Equal(text.Length - 1, ((string)reader.Values(pointers, MemoryType.Parse("char*"), 1).Single()!).Length);
        Assert.Equal(all.Length, reader.Values(pointers, MemoryType.Parse("char*"), (ulong)all.Length).Count());
    }

    [Fact]
    public void A_string_is_not_read_beyond_its_end()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {4 * Page.Size} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        // A two-byte character across the boundary of two pages.
        byte[] bytes = [.. Encoding.UTF8.GetBytes("aж"), 0];
        Write(process, address + Page.Size - 2, bytes);
        MemoryReader reader = new(process, ReadMethod.Auto);
        Assert.Equal("aж", reader.ReadText(address + Page.Size - 2, 4 * Page.Size - Page.Size, Encoding.UTF8, out bool isEnded));
        Assert.True(isEnded);
        Assert.Equal(2UL, new ResidentMemory(process).Ranges(address, address + 4 * Page.Size).Single().SizeBytes / Page.Size);
        Assert.Equal("a", reader.ReadText(address + Page.Size - 2, 1, Encoding.UTF8, out isEnded));
        Assert.False(isEnded);
    }

    [Fact]
    public void Pointers_are_followed_and_an_invalid_one_is_named()
    {
        using TargetProcess target = TargetProcess.Start();
        TargetReply garlic = target.Ask("garlic");
        ulong address = target.Ask($"map {Page.Size} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Write(process, address, BitConverter.GetBytes(garlic.Address("pointer")));
        MemoryReader reader = new(process, ReadMethod.Auto);
        Assert.Equal([address, garlic.Address("pointer"), garlic.Address("text")],
            PointerPath.Follow(process, reader, address, 2));
        Assert.Equal([address], PointerPath.Follow(process, reader, address, 0));
        foreach ((ulong pointer, string what) in new[]
        {
            (0UL, "pointer 2 of 3"), (0x10UL, "pointer 3 of 3"), (0xffff_8000_0000_0000UL, "not a valid address of a process"),
        })
        {
            Write(process, garlic.Address("pointer"), BitConverter.GetBytes(pointer));
            MemProcException error = Assert.Throws<MemProcException>(() => PointerPath.Follow(process, reader, address, 3));
            Assert.Equal("Dereference,EFAULT", error.ErrorId);
            Assert.Contains(what, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Values_and_pointers_fault_nothing_in()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {Page.Size} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryReader reader = new(process, ReadMethod.Auto) { ResidentOnly = true };
        foreach (Action read in new Action[]
        {
            () => Assert.Single(new TypedReader(process, reader).Values(address, MemoryType.Parse("int32"), 1)),
            () => reader.ReadText(address, 16, Encoding.UTF8),
            () => PointerPath.Follow(process, reader, address, 1),
        })
        {
            Assert.Equal(Errno.ENODATA, Assert.Throws<MemProcException>(read).Errno);
        }

        MemoryBlock block = Assert.Single(reader.ReadBlocks(address, Page.Size));
        Assert.Equal(MemoryGapKind.NotResident, Assert.Single(block.Gaps).Kind);
        Assert.Empty(new ResidentMemory(process).Ranges(address, address + Page.Size));
    }

    private static void Write(LinuxProcess process, ulong address, byte[] bytes) =>
        MemoryTransaction.Prepare(process, [new MemoryWriteRequest(address, bytes)])
            .Commit(stop: false, verify: false);
}
