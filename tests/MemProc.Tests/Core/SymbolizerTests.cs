using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests the symbolization of addresses of live processes.</summary>
public sealed class SymbolizerTests : TargetTests
{
    [Fact]
    public void A_function_of_libc_is_named_with_file_section_and_offsets()
    {
        ResolvedAddress resolved = Resolve("libc.so.6!malloc+4");
        Assert.Equal("libc.so.6", resolved.Module);
        Assert.Equal(".text", resolved.Section);
        Assert.Equal("malloc", resolved.Symbol);
        Assert.Equal(4UL, resolved.SymbolOffset);
        Assert.Equal("libc.so.6!malloc+0x4", resolved.Location);
        Assert.Null(resolved.DemangledSymbol);
        Assert.Equal(ProcMapKind.File, resolved.Kind);
        Assert.Equal("r-xp", resolved.Permissions);
        Assert.Equal(resolved.Address, resolved.ModuleStart + resolved.ModuleOffset);
        Assert.Equal(resolved.Address, resolved.MapStart + resolved.MappingOffset);
        Assert.Equal(resolved.ModuleOffset, resolved.ImageAddress);
        Assert.False(resolved.IsReplaced);
        Assert.Equal(resolved.Address, AddressExpression.Parse(resolved.Expression).Resolve(Process));
        using FileStream file = File.OpenRead(resolved.Path);
        byte[] bytes = new byte[16];
        file.Position = (long)resolved.FileOffset!;
        file.ReadExactly(bytes);
        Assert.Equal(bytes, new MemoryReader(Process, ReadMethod.Auto).ReadExactly(resolved.Address, 16));
    }

    [Fact]
    public void Variables_in_anonymous_memory_after_the_last_page_of_a_file_have_names()
    {
        ResolvedAddress resolved = Resolve("libc.so.6!environ");
        Assert.Equal(ProcMapKind.Anonymous, resolved.Kind);
        Assert.Equal(("libc.so.6", ".bss", 0UL), (resolved.Module, resolved.Section, resolved.SymbolOffset));
        Assert.EndsWith("environ", resolved.Symbol, StringComparison.Ordinal);
        Assert.Null(resolved.FileOffset);
        Assert.Empty(resolved.Path);
        Assert.Equal(resolved.Address, AddressExpression.Parse(resolved.Expression).Resolve(Process));
        using MappedImages images = new(Process);
        Assert.Equal("libc.so.6", images.ImageAt(resolved.Address).File.Name);
        // The pages after the end of the segment are not part of the file.
        ElfSegment data = images.Named("libc.so.6").Single().Elf!.Segments.Last(segment => segment.Type == ElfSegmentType.Load);
        ulong end = resolved.Address - resolved.ImageAddress!.Value + data.VirtualAddress + data.MemoryBytes;
        Assert.Equal(("libc.so.6", null), (Resolve(end - 1).Module, Resolve(end).Module));
    }

    [Theory]
    [InlineData("-static-pie", false)]
    [InlineData("-pie", false)]
    [InlineData("-pie", true)]
    public void Variables_of_a_program_have_names_wherever_its_zeros_are(string kind, bool isSplit)
    {
        using TemporaryFolder folder = new();
        string program = CCompiler.Build(Path.Combine(folder.Path, "program"), $$"""
            #include <stdio.h>
            #include <sys/mman.h>
            #include <unistd.h>
            __attribute__((aligned(4096))) char zeros[64 * 4096];
            int main(void)
            {
                if ({{(isSplit ? 1 : 0)}})
                    mprotect(zeros + 4096, 4096, PROT_READ);
                printf("%p\n", zeros + 3 * 4096 + 5);
                fflush(stdout);
                for (;;)
                    pause();
            }
            """, "gcc", kind, "-x", "c");
        // Without randomization, the heap can begin where the zeros end.
        using SmallProgram running = new(Requires.Tool("setarch"), "-R", program);
        using LinuxProcess process = LinuxProcess.Open(running.ProcessId);
        using Symbolizer resolver = new(process);
        ResolvedAddress resolved = resolver.Resolve([running.Address], error => throw error).Single();
        Assert.Equal(("program", "zeros", 3UL * 4096 + 5), (resolved.Module, resolved.Symbol, resolved.SymbolOffset));
        Assert.Equal(running.Address, AddressExpression.Parse("program!zeros+12293").Resolve(process));
    }

    [Fact]
    public void The_kernels_shared_object_is_read_from_memory()
    {
        ResolvedAddress resolved = Resolve("[vdso]!__vdso_clock_gettime");
        Assert.Equal("[vdso]", resolved.Module);
        Assert.Equal(ProcMapKind.Vdso, resolved.Kind);
        Assert.EndsWith("clock_gettime", resolved.Symbol, StringComparison.Ordinal);
        Assert.Equal(SymbolOrigin.Dynamic, resolved.SymbolSource);
        Assert.Null(resolved.FileOffset);
    }

    [Fact]
    public void Cxx_names_are_returned_mangled_and_demangled()
    {
        ResolvedAddress resolved = Resolve(
            $"{AddressExpression.Quote(Cxx())}!_ZNSt6thread4joinEv");
        Assert.Equal("_ZNSt6thread4joinEv", resolved.Symbol);
        Assert.Equal("std::thread::join()", resolved.DemangledSymbol);
        Assert.Equal($"{Cxx()}!std::thread::join()", resolved.Location);
        Assert.Equal(resolved.Address, AddressExpression.Parse($"{Cxx()}!\"std::thread::join()\"").Resolve(Process));
        Assert.Equal(resolved.Address, AddressExpression.Parse($"{Cxx()}!std::thread::join").Resolve(Process));
    }

    [Fact]
    public void Memory_without_a_file_is_described_by_its_mapping()
    {
        ulong address = Target.Ask("map 8192 rw- private").Address("address");
        Target.Ask($"touch {address} 1");
        ResolvedAddress touched = Resolve(address + 0x10), untouched = Resolve(address + Page.Size);
        Assert.Null(touched.Module);
        Assert.Null(touched.Section);
        Assert.Null(touched.Symbol);
        Assert.Null(touched.FileOffset);
        Assert.Null(touched.ThreadId);
        Assert.Equal($"0x{address:x}+0x10", touched.Location);
        Assert.Equal(address + 0x10, AddressExpression.Parse(touched.Expression).Resolve(Process));
        Assert.True(touched.IsPresent);
        Assert.False(untouched.IsPresent);
        Assert.Null(untouched.Pfn);
        Assert.False(untouched.IsPfnHidden);
    }

    [Fact]
    public void Frames_equal_pagemap_and_flags_are_returned_on_request()
    {
        Requires.Root();
        ulong address = Target.Ask("seed").Address("address") + 0x123;
        PageMapEntry page = new PageMapWalk(Process).From(address, null, null).Single();
        using FrameTables frames = new(FrameAttributes.Flags);
        using Symbolizer resolver = new(Process, frames);
        ResolvedAddress resolved = resolver.Resolve([address], error => throw error).Single();
        Assert.NotNull(resolved.Pfn);
        Assert.Equal(page.Pfn, resolved.Pfn);
        Assert.Equal(page.PhysicalAddress, resolved.PhysicalAddress);
        Assert.Contains("anonymous", resolved.Flags!);
        Assert.Null(Resolve(address).Flags);
    }

    [Fact]
    public void Page_table_indexes_equal_the_known_example()
    {
        Assert.SkipUnless(Page.Size == 4096 && System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture
            == System.Runtime.InteropServices.Architecture.X64, "needs x86-64");
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "7f133f163000-7f133f164000 rw-p 00000000 00:00 0\n");
        simulated.WritePageMap(0x7f133f163000, 0x81UL << 56);
        using LinuxProcess process = simulated.Open();
        List<string> warnings = [];
        using Symbolizer resolver = new(process) { Warn = warnings.Add };
        ResolvedAddress[] resolved = [.. resolver.Resolve([0x7f133f163000, 0x7f133f163008], error => throw error)];
        // With five levels, addresses within the range of four levels use the first entry of the root only.
        Assert.Equal(0x7f0, (resolved[0].P4dIndex ?? resolved[0].PgdIndex) * 8);
        Assert.Equal([0x260, 0xfc0, 0xb18],
            new[] { resolved[0].PudIndex * 8, resolved[0].PmdIndex * 8, resolved[0].PteIndex * 8 });
        Assert.True(resolved[0].IsPfnHidden);
        Assert.True(resolved[0].IsPresent);
        Assert.Null(resolved[0].Pfn);
        Assert.Null(resolved[0].PhysicalAddress);
        Assert.Equal([PageMapWalk.FramesHidden], warnings);
    }

    [Fact]
    public void A_stack_is_returned_with_its_thread()
    {
        Assert.Equal(Target.ProcessId, Resolve("[stack]-8").ThreadId);
        Target.Ask("garlic");
        using MappedImages images = new(Process);
        // Waiting threads of the runtime have a stack pointer.
        (int Thread, ulong Pointer)[] waiting = [.. Process.ThreadIds().Where(id => id != Process.Id)
            .Select(id => (id, File.ReadAllText($"/proc/{Process.Id}/task/{id}/syscall")))
            .Where(item => SyscallLine.TryParse(System.Text.Encoding.ASCII.GetBytes(item.Item2), out _))
            .Select(item => (item.id, Convert.ToUInt64(item.Item2.Split(' ')[^2], 16)))];
        Assert.NotEmpty(waiting);
        Assert.Contains(waiting, item => Resolve(item.Pointer).ThreadId == item.Thread);
    }

    [Fact]
    public void An_unmapped_address_is_reported_and_does_not_stop_the_others()
    {
        List<string> failed = [];
        using Symbolizer resolver = new(Process);
        ulong libc = AddressExpression.Parse("libc.so.6").Resolve(Process);
        ResolvedAddress[] resolved = [.. resolver.Resolve([0x10, libc, 0xffffffffff600000, 0x20], error => failed.Add(error.ErrorId))];
        Assert.Equal(["FindMap,ENOENT", "FindMap,ENOENT"], failed);
        Assert.Equal([libc, 0xffffffffff600000], resolved.Select(item => item.Address));
        Assert.Null(resolved[1].IsPresent);
    }

    [Fact]
    public void A_later_mapping_is_found_and_order_is_kept()
    {
        using Symbolizer resolver = new(Process);
        ulong libc = AddressExpression.Parse("libc.so.6").Resolve(Process);
        Assert.Single(resolver.Resolve([libc], error => throw error));
        ulong address = Target.Ask("map 4096 rw- private").Address("address");
        ulong[] asked = [address, libc, address + 1, libc + 1];
        Assert.Equal(asked, resolver.Resolve(asked, error => throw error).Select(item => item.Address));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    public void A_mapping_that_has_changed_is_seen_by_the_next_call(int count)
    {
        using Symbolizer resolver = new(Process);
        ulong address = Target.Ask("map 4096 rw- private").Address("address");
        ulong[] asked = [.. Enumerable.Range(0, count).Select(offset => address + (ulong)offset)];
        Assert.All(resolver.Resolve(asked, error => throw error), item => Assert.Equal("rw-p", item.Permissions));
        Target.Ask($"protect {address} 4096 r--");
        Assert.All(resolver.Resolve(asked, error => throw error), item => Assert.Equal("r--p", item.Permissions));
        Target.Ask($"unmap {address} 4096");
        int failed = 0;
        Assert.Empty(resolver.Resolve(asked, _ => failed++));
        Assert.Equal(count, failed);
    }

    [Fact]
    public void Files_whose_mappings_have_not_changed_stay_open_when_the_list_is_read_again()
    {
        using MappedImages images = new(Process);
        MappedFile libc = images.Named("libc.so.6").Single();
        ElfFile? elf = libc.Elf;
        ulong address = Target.Ask($"file 0 4096 r-- private {Requires.Tool("ls")}").Address("address");
        Assert.Null(images.FileAt(address));
        Assert.True(images.Refresh());
        Assert.Equal(Requires.Tool("ls"), images.FileAt(address)!.Path);
        Assert.Same(libc, images.Named("libc.so.6").Single());
        Assert.Same(elf, libc.Elf);
        Target.Ask($"unmap {address} 4096");
        Assert.True(images.Refresh());
        Assert.Null(images.FileAt(address));
    }

    [Fact]
    public void The_expression_of_a_data_address_resolves_to_it()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("stock.bin", new byte[5 * Page.Size]);
        ulong one = Target.Ask($"file {3 * Page.Size} {2 * Page.Size} r-- private {path}").Address("address");
        ulong two = Target.Ask($"file {Page.Size} {Page.Size} r-- private {path}").Address("address");
        ulong libc = Target.Ask($"file {Page.Size} {Page.Size} r-- private {Resolve("libc.so.6").Path}").Address("address");
        foreach (ulong address in (ulong[])[one, one + Page.Size + 5, two + 5, libc + 5])
        {
            ResolvedAddress resolved = Resolve(address);
            Assert.Equal(address, AddressExpression.Parse(resolved.Expression).Resolve(Process));
            Assert.Equal(address, resolved.ModuleStart + resolved.ModuleOffset);
        }

        Assert.Equal(4 * Page.Size + 5, Resolve(one + Page.Size + 5).FileOffset);
        Assert.StartsWith("stock.bin", Resolve(one).Expression, StringComparison.Ordinal);
    }

    [Fact]
    public void An_exited_process_is_an_error()
    {
        using Symbolizer resolver = new(Process);
        ulong libc = AddressExpression.Parse("libc.so.6").Resolve(Process);
        Assert.Single(resolver.Resolve([libc], error => throw error));
        Target.Kill();
        MemProcException error = Assert.Throws<MemProcException>(
            () => resolver.Resolve([libc], error => throw error).ToArray());
        Assert.Equal(Errno.ESRCH, error.Errno);
    }

    [Fact]
    public void A_perf_map_names_jitted_code()
    {
        ulong address = Target.Ask("map 8192 r-x private").Address("address");
        string path = $"/tmp/perf-{Target.ProcessId}.map";
        File.WriteAllText(path, $"{address:x} 40 void [app] Kitchen::Cook(int)\nnonsense\n{address + 0x100:x} 0x10 other\n");
        try
        {
            ResolvedAddress cook = Resolve(address + 8);
            Assert.Equal("void [app] Kitchen::Cook(int)", cook.Symbol);
            Assert.Equal(8UL, cook.SymbolOffset);
            Assert.Equal(SymbolOrigin.PerfMap, cook.SymbolSource);
            Assert.Equal("void [app] Kitchen::Cook(int)+0x8", cook.Location);
            Assert.Equal("other", Resolve(address + 0x10f).Symbol);
            Assert.Null(Resolve(address + 0x40).Symbol);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_perf_map_written_by_another_user_is_ignored()
    {
        Requires.Root();
        using TargetProcess other = TargetProcess.Start("setpriv", "--reuid", "65534", "--clear-groups");
        ulong address = other.Ask("map 4096 r-x private").Address("address");
        string path = $"/tmp/perf-{other.ProcessId}.map";
        File.WriteAllText(path, $"{address:x} 40 cook\n");
        try
        {
            using LinuxProcess process = LinuxProcess.Open(other.ProcessId);
            string? Name()
            {
                using Symbolizer resolver = new(process);
                return resolver.Resolve([address], error => throw error).Single().Symbol;
            }

            Assert.Equal("cook", Name());
            Shell.Run(Requires.Tool("chown"), "65533", path);
            Assert.Null(Name());
            Shell.Run(Requires.Tool("chown"), "65534", path);
            Assert.Equal("cook", Name());
        }
        finally
        {
            File.Delete(path);
        }
    }

    private string Cxx() => MapReader.Read(Process).Select(map => Path.GetFileName(map.Path))
        .First(file => file.StartsWith("libstdc++.so.6", StringComparison.Ordinal));

    private ResolvedAddress Resolve(string text) => Resolve(AddressExpression.Parse(text).Resolve(Process));

    private ResolvedAddress Resolve(ulong address)
    {
        using Symbolizer resolver = new(Process);
        return resolver.Resolve([address], error => throw error).Single();
    }
}
