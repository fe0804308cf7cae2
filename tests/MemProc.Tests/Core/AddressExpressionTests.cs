using System.Buffers.Binary;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests address expressions: their syntax, and their meaning in a live process.</summary>
public sealed class AddressExpressionTests : TargetTests
{
    [Theory]
    [InlineData("0x10+0x20", 0x30UL)]
    [InlineData("dead", 0xdeadUL)]
    [InlineData("10 + 20", 30UL)]
    [InlineData("0x1000-0x10-10", 0xfe6UL)]
    [InlineData("(0x1000-(0x10+0x10))", 0xfe0UL)]
    [InlineData(" 0x1_000+a ", 0x100aUL)]
    public void Sums_of_numbers_are_evaluated(string text, ulong expected) =>
        Assert.Equal(expected, AddressExpression.Parse(text).Resolve(Process));

    [Theory]
    [InlineData("0x1000+", "something", "")]
    [InlineData("0x1000+zz", "character 8, 'zz'", "number has to follow")]
    [InlineData("[heap", "character 1, '[heap'", "never closed")]
    [InlineData("libc.so.6!", "not a valid address", "has to follow the !")]
    [InlineData("(0x10", "character 1", "not closed")]
    [InlineData("\"libc", "character 1", "quote is never closed")]
    [InlineData("auxv:AT_ENTRI", "AT_ENTRY", "no entry of that name")]
    [InlineData("*", "not a valid address", "missing")]
    [InlineData("0x10 0x20", "character 6, '0x20'", "only + or - and a number can follow")]
    [InlineData("libc+0x1ffffffffffffffff", "character 6", "more than 64 bits")]
    [InlineData("0xzz", "character 1", "not a valid hex number")]
    public void A_syntax_error_reports_its_position(string text, string position, string what)
    {
        string message = Assert.Throws<FormatException>(() => AddressExpression.Parse(text)).Message;
        Assert.Contains(what, message, StringComparison.Ordinal);
        Assert.Contains("not a valid address", message, StringComparison.Ordinal);
        if (position != "something")
        {
            Assert.Contains(position, message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Unlimited_nesting_is_rejected() => Assert.Contains("nested too deeply",
        Assert.Throws<FormatException>(() => AddressExpression.Parse(new string('(', 8_000))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(256, null)]
    [InlineData(257, "at most 256 operators")]
    [InlineData(200_000, "at most 8192 are allowed")]
    public void Long_expressions_are_rejected_before_they_overflow_the_stack(int operators, string? message)
    {
        string text = "0x1000" + string.Concat(Enumerable.Repeat("+1", operators));
        if (message is null)
        {
            Assert.Equal(0x1000UL + (ulong)operators, Resolve(text));
            return;
        }

        string error = Assert.Throws<FormatException>(() => AddressExpression.Parse(text)).Message;
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.InRange(error.Length, 1, 1000);
    }

    [Fact]
    public void A_file_name_is_its_load_address()
    {
        ProcMap libc = First("libc.so.6");
        Assert.Equal(libc.Start, Resolve("libc.so.6"));
        Assert.Equal(libc.Start + 0x1234, Resolve("libc.so.6+0x1234"));
        Assert.Equal(libc.Start, Resolve(libc.Path));
        Assert.Equal(libc.Start + 8, Resolve("\"libc.so.6\"+8"));
    }

    [Fact]
    public void Plus_and_minus_in_file_names_are_not_operators()
    {
        ProcMap loader = MapReader.Read(Process).First(map => Path.GetFileName(map.Path).StartsWith("ld-", StringComparison.Ordinal));
        Assert.Equal(loader.Start, Resolve(Path.GetFileName(loader.Path)));
        Assert.Equal(loader.Start + 4, Resolve($"{Path.GetFileName(loader.Path)}+4"));
        Assert.Equal(First("libstdc++.so.6").Start - 0x10, Resolve($"{FileName("libstdc++.so.6")}-0x10"));
    }

    [Fact]
    public void Symbols_of_the_vdso_and_of_libc_have_the_addresses_of_their_symbol_tables()
    {
        using MappedImages images = new(Process);
        ulong libc = AddressExpression.Parse("libc.so.6").Resolve(images);
        ulong malloc = AddressExpression.Parse("libc.so.6!malloc").Resolve(images);
        ElfFile image = images.Named("libc.so.6").Single().Elf!;
        ElfSymbol symbol = image.Symbols(ElfSymbolSource.Dynamic).Single(symbol => symbol.Name == "malloc");
        Assert.Equal(libc + symbol.Value, malloc);
        Assert.Equal(malloc + 8, AddressExpression.Parse("libc.so.6!malloc+8").Resolve(images));
        ProcMap vdso = images.Maps.Single(map => map.Kind == ProcMapKind.Vdso);
        Assert.InRange(AddressExpression.Parse("[vdso]!__vdso_clock_gettime").Resolve(images), vdso.Start + 1, vdso.End - 1);
    }

    [Fact]
    public void A_symbol_without_version_is_the_default_version()
    {
        using MappedImages images = new(Process);
        ElfSymbol[] all = [.. images.Named("libc.so.6").Single().Elf!.Symbols(ElfSymbolSource.Dynamic)];
        ElfSymbol[]? several = all.Where(symbol => !symbol.IsUndefined && symbol.Version is not null)
            .GroupBy(symbol => symbol.Name).Select(group => group.ToArray())
            .FirstOrDefault(group => group.Count(symbol => symbol.IsDefaultVersion) == 1
                && group.DistinctBy(symbol => symbol.Value).Count() == 2 && group.Length == 2);
        Assert.SkipWhen(several is null, "needs a libc with a symbol of two versions");
        ulong start = AddressExpression.Parse("libc.so.6").Resolve(images);
        ElfSymbol current = several.Single(symbol => symbol.IsDefaultVersion);
        ElfSymbol old = several.Single(symbol => !symbol.IsDefaultVersion);
        Assert.Equal(start + current.Value, AddressExpression.Parse($"libc.so.6!{current.Name}").Resolve(images));
        Assert.Equal(start + old.Value, AddressExpression.Parse($"libc.so.6!{old.VersionedName}").Resolve(images));
    }

    [Fact]
    public void An_area_is_its_start_address_and_stack_offsets_count_down_from_the_top()
    {
        ProcMap stack = MapReader.Read(Process).Single(map => map.Kind == ProcMapKind.Stack);
        Assert.Equal(stack.Start, Resolve("[stack]"));
        Assert.Equal(stack.Start + 0x10, Resolve("[stack]+0x10"));
        Assert.Equal(stack.End - 0x100, Resolve("[stack]-0x100"));
        ProcMap heap = MapReader.Read(Process).First(map => map.Kind == ProcMapKind.Heap);
        Assert.Equal(heap.Start, Resolve("[heap]"));
        Assert.Equal(heap.Start - 0x10, Resolve("[heap]-0x10"));
    }

    [Fact]
    public void Auxiliary_vector_entries_are_found_by_name_and_by_number()
    {
        ulong entry = Resolve("auxv:AT_ENTRY");
        Assert.Equal(entry, Resolve("auxv:entry"));
        Assert.Equal(entry, Resolve("auxv:9"));
        Assert.Equal(Resolve("auxv:AT_SYSINFO_EHDR"), Resolve("[vdso]"));
        Assert.Equal(MachinePage.SizeBytes, Resolve("auxv:AT_PAGESZ"));
        using MappedImages images = new(Process);
        Assert.Equal(images.FileAt(entry), images.Main);
        AssertFails(Errno.ENOENT, "AT_ENTRY", "auxv:AT_EXECFD");
    }

    [Fact]
    public void Section_names_refer_to_the_main_program_by_default()
    {
        using MappedImages images = new(Process);
        ElfSection text = images.Main!.Elf!.Sections.Single(section => section.Name == ".text");
        ulong start = AddressExpression.Parse(images.Main.Name).Resolve(images);
        Assert.Equal(start + text.VirtualAddress, AddressExpression.Parse(".text").Resolve(images));
        Assert.Equal(start + text.VirtualAddress, AddressExpression.Parse("!.text").Resolve(images));
        ElfSection bss = images.Named("libc.so.6").Single().Elf!.Sections.Single(section => section.Name == ".bss");
        Assert.Equal(AddressExpression.Parse("libc.so.6").Resolve(images) + bss.VirtualAddress,
            AddressExpression.Parse("libc.so.6!.bss").Resolve(images));
        AssertFails(Errno.ENOENT, ".bss", "libc.so.6!.bsss");
    }

    [Fact]
    public void A_star_dereferences_pointers()
    {
        TargetReply garlic = Target.Ask("garlic");
        ulong text = garlic.Address("text"), pointer = garlic.Address("pointer");
        Assert.Equal(text, Resolve($"*(0x{pointer:x})"));
        Assert.Equal(text + 2, Resolve($"*(0x{pointer:x})+2"));
        Assert.Equal(text, Resolve($"*0x{pointer:x}"));
        byte[] bytes = new MemoryReader(Process, ReadMethod.Auto).ReadExactly(text, 8);
        Assert.Equal(BinaryPrimitives.ReadUInt64LittleEndian(bytes), Resolve($"*(*(0x{pointer - 4:x}+4))"));
        Assert.Equal("ReadMemory,EFAULT", Assert.Throws<MemProcException>(() => Resolve("*(0x10)")).ErrorId);
    }

    [Fact]
    public void An_unknown_name_is_an_error_with_suggestions()
    {
        AssertFails(Errno.ENOENT, "libc.so.6", "libc.so");
        AssertFails(Errno.ENOENT, "malloc", "libc.so.6!mallocc");
        AssertFails(Errno.ENOENT, "[heap]", "[hep]");
        AssertFails(Errno.EINVAL, "outside", "0x10-0x20");
        AssertFails(Errno.EINVAL, "outside", "0xffffffffffffffff+1");
    }

    [Fact]
    public void The_path_distinguishes_two_files_with_the_same_name()
    {
        using TemporaryFolder folder = new();
        string one = Path.Combine(Directory.CreateDirectory(Path.Combine(folder.Path, "one")).FullName, "twin.bin");
        string two = Path.Combine(Directory.CreateDirectory(Path.Combine(folder.Path, "two")).FullName, "twin.bin");
        File.WriteAllBytes(one, new byte[4096]);
        File.WriteAllBytes(two, new byte[4096]);
        ulong first = Target.Ask($"file 0 4096 r-- private {one}").Address("address");
        ulong second = Target.Ask($"file 0 4096 r-- private {two}").Address("address");
        MemProcException error = AssertFails(Errno.EINVAL, one, "twin.bin");
        Assert.Contains($"0x{second:x}", error.Message, StringComparison.Ordinal);
        Assert.Equal(first, Resolve(one));
        Assert.Equal(second + 1, Resolve($"\"{two}\"+1"));
    }

    [Fact]
    public void A_library_also_mapped_as_data_resolves_to_its_loaded_image()
    {
        ulong before = Resolve("libc.so.6");
        Target.Ask($"file 0 4096 r-- private {First("libc.so.6").Path}");
        Assert.Equal(before, Resolve("libc.so.6"));
    }

    [Fact]
    public void Addresses_of_a_request_use_one_list_of_mappings_and_the_next_request_reads_a_new_one()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "10000000-10010000 rw-p 00000000 00:00 0          [heap]\n");
        using LinuxProcess process = simulated.Open();
        using AddressResolution first = new(process), second = new(process);
        Assert.Equal(5UL, first.Resolve(AddressExpression.Parse("5")));
        Assert.Equal(0x1000_0000UL, first.Resolve(AddressExpression.Parse("[heap]")));
        simulated.Write("maps", "20000000-20010000 rw-p 00000000 00:00 0          [heap]\n");
        Assert.Equal(0x1000_0001UL, first.Resolve(AddressExpression.Parse("[heap]+1")));
        Assert.Equal(0x2000_0000UL, second.Resolve(AddressExpression.Parse("[heap]")));
        Assert.Equal([7, 0x2000_0000], AddressResolution.Resolve(
            process, [AddressExpression.Parse("7"), AddressExpression.Parse("[heap]")], TestContext.Current.CancellationToken));
        simulated.Write("maps", "what no kernel writes\n");
        Assert.Equal(9UL, new AddressResolution(process).Resolve(AddressExpression.Parse("9")));
        Assert.Equal("ReadMaps,EINVAL",
            Assert.Throws<MemProcException>(() => AddressExpression.Parse("[heap]").Resolve(process)).ErrorId);
    }

    [Fact]
    public void A_large_request_resolves_every_expression()
    {
        using MappedImages images = new(Process);
        ulong malloc = AddressExpression.Parse("libc.so.6!malloc").Resolve(images);
        for (uint number = 0; number < 100; number++)
        {
            Assert.Equal(malloc + number, AddressExpression.Parse($"libc.so.6!malloc+{number}").Resolve(images));
            Assert.Equal("ResolveAddress,ENOENT", Assert.Throws<MemProcException>(
                () => AddressExpression.Parse($"libc.so.6!none{number}").Resolve(images)).ErrorId);
        }
    }

    [Fact]
    public void Random_text_is_an_address_or_a_documented_error()
    {
        string[] tokens =
        [
            "0x", "0x10", "7f", "ffffffffffffffff", "99999999999999999999", "+", "-", "*", "(", ")", "[", "]", "[heap]", "!", "\"",
            "libc.so.6", "malloc", "auxv:", "AT_ENTRY", ".data", " ", "_", "`", "'", "\0", "\u202e", "\ud800", "ä", ":", "@", "/", "\\",
        ];
        Random random = new(20_260_503);
        int valid = 0;
        for (int count = 0; count < 100_000; count++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(random.Next(20) == 0 ? 3000 : 12))
                .Select(_ => tokens[random.Next(tokens.Length)]));
            text = random.Next(50) == 0 ? string.Concat(Enumerable.Repeat(text.Length > 20 ? text[..20] : text, 500)) : text;
            long before = GC.GetAllocatedBytesForCurrentThread();
            long start = System.Diagnostics.Stopwatch.GetTimestamp();
            valid += IsValid(text) ? 1 : 0;
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 * 1024 * 1024);
            if (System.Diagnostics.Stopwatch.GetElapsedTime(start) > TimeSpan.FromMilliseconds(100))
            {
                // Another process can have had the processor.
                start = System.Diagnostics.Stopwatch.GetTimestamp();
                IsValid(text);
                Assert.InRange(System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalMilliseconds, 0, 100);
            }
        }

        Assert.InRange(valid, 1000, 90_000);

        static bool IsValid(string text)
        {
            try
            {
                AddressExpression.Parse(text);
                return true;
            }
            catch (FormatException)
            {
                return false;
            }
        }
    }

    [Theory]
    [InlineData("libc.so.6", "libc.so.6")]
    [InlineData("ld-linux-x86-64.so.2", "ld-linux-x86-64.so.2")]
    [InlineData("lib-2", "\"lib-2\"")]
    [InlineData("cafe", "\"cafe\"")]
    [InlineData(".hidden", "\".hidden\"")]
    [InlineData("a b", "\"a b\"")]
    [InlineData("[vdso]", "[vdso]")]
    public void Ambiguous_names_are_quoted(string name, string expected) =>
        Assert.Equal(expected, AddressExpression.Quote(name));

    private ulong Resolve(string text) => AddressExpression.Parse(text).Resolve(Process);

    private ProcMap First(string name) => MapReader.Read(Process).First(map => Path.GetFileName(map.Path) == FileName(name));

    /// <summary>Returns the name of a mapped file by its prefix; distributions add version numbers.</summary>
    private string FileName(string name) => MapReader.Read(Process).Select(map => Path.GetFileName(map.Path))
        .First(file => file.StartsWith(name, StringComparison.Ordinal));

    private MemProcException AssertFails(Errno errno, string hint, string text)
    {
        MemProcException error = Assert.Throws<MemProcException>(() => Resolve(text));
        Assert.Equal($"ResolveAddress,{errno}", error.ErrorId);
        Assert.Contains(hint, error.Message, StringComparison.Ordinal);
        return error;
    }
}
