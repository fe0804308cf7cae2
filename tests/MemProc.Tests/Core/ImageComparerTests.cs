using System.Runtime.InteropServices;

namespace MemProc.Tests;

/// <summary>Tests that patched code and constants are found, and that all else is explained.</summary>
public sealed class ImageComparerTests : IDisposable
{
    /// <summary>Reports the address of a function; its constant and its table are named.</summary>
    private const string Source = """
        #include <stdio.h>
        #include <unistd.h>
        const char secret[64] = "this is a constant that nothing writes";
        int answer(int number)
        {
            return number * 3 + 42;
        }
        int (*const table[])(int) = { answer, answer };
        int main(void)
        {
            setvbuf(stdout, 0, _IONBF, 0);
            printf("%p\n", (void *)answer);
            for (;;)
                pause();
            return table[0](secret[0]);
        }
        """;

    private readonly TemporaryFolder _folder = new();
    private readonly SmallProgram _program;
    private readonly LinuxProcess _process;
    private readonly string _path;

    public ImageComparerTests()
    {
        _path = CCompiler.Build(Path.Combine(_folder.Path, "program"), Source, "gcc", "-O1", "-pie", "-fPIE", "-Wl,-z,relro,-z,now",
            "-x", "c");
        _program = new SmallProgram(_path);
        _process = LinuxProcess.Open(_program.ProcessId);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _process.Dispose();
        _program.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Everything_in_a_fresh_process_is_explained()
    {
        ImageDifference[] differences = Compare(_process);
        Assert.NotEmpty(differences);
        Assert.DoesNotContain(differences, difference => difference.Kind != ImageDifferenceKind.Content
            || difference.Explanation == ImageExplanation.None);
        ImageDifference[] own = [.. differences.Where(difference => difference.Path == _path)];
        Assert.Contains(own, difference => difference.Section == ".data.rel.ro" && difference.Explanation == ImageExplanation.Relocation
            && difference.Relocation!.Contains("RELATIVE", StringComparison.Ordinal));
        Assert.Contains(own, difference => difference.Section == ".got" && difference.Explanation == ImageExplanation.Relocation);
        Assert.All(differences, difference => Assert.NotEqual(0UL, difference.ChangedBytes));
    }

    [Fact]
    public void A_patched_function_and_a_patched_constant_are_found_with_their_bytes()
    {
        ulong answer = _program.Address, secret = AddressExpression.Parse("program!secret").Resolve(_process);
        MemoryReader reader = new(_process, ReadMethod.Auto);
        byte[] original = reader.ReadExactly(answer, 5);
        Write(answer, [0xe9, 1, 2, 3, 4]);
        Write(secret + 10, "X"u8.ToArray());
        ImageDifference[] found = Unexplained(Compare(_process));
        Assert.Equal([".text", ".rodata"], found.Select(difference => difference.Section));
        Assert.Equal(["answer", "secret"], found.Select(difference => difference.Symbol));
        Assert.Equal([0UL, 10UL], found.Select(difference => difference.SymbolOffset));
        Assert.Equal([answer, secret + 10], found.Select(difference => difference.Address));
        Assert.Equal(original[..(int)found[0].Length!], found[0].PreviousBytes);
        // What is explained need not be found first.
        Assert.Equal(found.Select(difference => $"{difference} {difference.Bytes}"),
            new ImageComparer(_process) { UnexplainedOnly = true }.Compare(new MapFilter()).Select(difference => $"{difference} {difference.Bytes}"));
        Assert.StartsWith("e9", Convert.ToHexStringLower(found[0].Bytes), StringComparison.Ordinal);
        Assert.Equal(("c"u8.ToArray()[0], "X"u8.ToArray()[0]), (found[1].PreviousBytes[0], found[1].Bytes[0]));
        using FileStream file = File.OpenRead(_path);
        file.Position = (long)found[1].FileOffset!;
        Assert.Equal('c', file.ReadByte());
        // Written back, the page is still a copy, and no longer different.
        Write(answer, original);
        Write(secret + 10, "c"u8.ToArray());
        Assert.Empty(Unexplained(Compare(_process)));
    }

    [Fact]
    public void A_redirected_pointer_is_not_taken_for_a_relocation()
    {
        ulong table = AddressExpression.Parse("program!table").Resolve(_process);
        Write(table + 8, BitConverter.GetBytes(_program.Address + 4));
        ImageDifference found = Assert.Single(Unexplained(Compare(_process)));
        Assert.Equal((".data.rel.ro", "table", 8UL), (found.Section, found.Symbol, found.SymbolOffset));
        Assert.Equal(("RELATIVE", "program!answer+0x4"), (found.Relocation, found.Target));
    }

    [Fact]
    public void An_entry_of_the_got_that_leads_to_another_function_of_the_same_library_is_found()
    {
        ulong entry = EntryOf("pause"), getpid = AddressExpression.Parse("libc.so.6!getpid").Resolve(_process);
        ulong stack = MapReader.Read(_process).Single(map => map.Kind == ProcMapKind.Stack).End - 4096;
        byte[] original = new MemoryReader(_process, ReadMethod.Auto).ReadExactly(entry, 8);
        Write(entry, BitConverter.GetBytes(getpid));
        ImageDifference found = Assert.Single(Unexplained(Compare(_process)));
        Assert.Equal((".got", entry, _path), (found.Section, found.Address, found.Path));
        Assert.Equal("pause", found.Relocation!.Split(' ')[^1]);
        Assert.EndsWith("!getpid", found.Target, StringComparison.Ordinal);
        // Memory that is in no file, and the middle of the right function, are not it either.
        foreach (ulong value in new[] { BitConverter.ToUInt64(original) + 1, stack })
        {
            Write(entry, BitConverter.GetBytes(value));
            Assert.Equal(entry, Assert.Single(Unexplained(Compare(_process))).Address);
        }

        Write(entry, original);
        Assert.Empty(Unexplained(Compare(_process)));
    }

    [Fact]
    public void A_library_that_is_loaded_first_may_define_a_function()
    {
        string library = CCompiler.Build(Path.Combine(_folder.Path, "first.so"), """
            #include <unistd.h>
            int pause(void) { return sleep(10000); }
            """, "gcc", "-shared", "-fPIC", "-x", "c");
        using SmallProgram program = new("/usr/bin/env", $"LD_PRELOAD={library}", _path);
        using LinuxProcess process = LinuxProcess.Open(program.ProcessId);
        ImageDifference[] found = Compare(process);
        Assert.Contains(found, difference => difference.Module == "program" && difference.Section == ".got");
        Assert.Empty(Unexplained(found));
    }

    [Fact]
    public void A_replaced_and_a_deleted_file_are_reported()
    {
        File.Copy(_path, $"{_path}.new");
        File.Move($"{_path}.new", _path, overwrite: true);
        ImageDifference found = Assert.Single(Compare(_process), difference => difference.Kind != ImageDifferenceKind.Content);
        Assert.Equal((ImageDifferenceKind.FileReplaced, _path), (found.Kind, found.Path));
        File.Delete(_path);
        Assert.Equal(ImageDifferenceKind.FileDeleted,
            Assert.Single(Compare(_process), difference => difference.Kind is ImageDifferenceKind.FileDeleted or ImageDifferenceKind.FileReplaced).Kind);
    }

    [Fact]
    public void A_core_shows_the_same_changes()
    {
        Write(_program.Address, [0xcc]);
        using MemProc.CoreFile core = MemProc.CoreFile.Open(CoreMaker.Save(_process, _folder));
        ImageDifference live = Assert.Single(Unexplained(Compare(_process))), saved = Assert.Single(Unexplained(Compare(core)));
        Assert.Equal((live.Address, live.Symbol, live.ImageAddress), (saved.Address, saved.Symbol, saved.ImageAddress));
        Assert.Equal(live.Bytes, saved.Bytes);
        Assert.Equal(core.CorePath, saved.CorePath);
    }

    [Fact]
    public void A_filter_selects_files()
    {
        ImageDifference[] found = [.. new ImageComparer(_process).Compare(new MapFilter
        {
            Path = path => path.EndsWith("/program", StringComparison.Ordinal),
        })];
        Assert.All(found, difference => Assert.Equal("program", difference.Module));
        Assert.NotEmpty(found);
    }

    private static ImageDifference[] Compare(MemoryTarget target) => [.. new ImageComparer(target).Compare(new MapFilter())];

    private static ImageDifference[] Unexplained(IEnumerable<ImageDifference> differences) =>
        [.. differences.Where(difference => difference.Explanation == ImageExplanation.None)];

    /// <summary>Returns the entry of the .got of the program that leads to a function of the C library.</summary>
    private ulong EntryOf(string function)
    {
        using ElfFile file = ElfFile.Open(_path);
        ElfSection got = file.Sections.Single(section => section.Name == ".got");
        ulong start = AddressExpression.Parse("program!.got").Resolve(_process);
        byte[] words = new MemoryReader(_process, ReadMethod.Auto).ReadExactly(start, got.SizeBytes);
        ulong target = AddressExpression.Parse($"libc.so.6!{function}").Resolve(_process);
        return start + 8 * (ulong)MemoryMarshal.Cast<byte, ulong>(words).IndexOf(target);
    }

    private void Write(ulong address, byte[] bytes) => MemoryTransaction.Prepare(
        _process, [new MemoryWriteRequest(address, bytes, Force: true)]).Commit(stop: false, verify: true);
}
