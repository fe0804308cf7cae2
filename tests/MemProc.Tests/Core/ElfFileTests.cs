using System.Buffers.Binary;
using System.Diagnostics;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests ELF images from files, arrays and memory, and damaged ones.</summary>
public sealed class ElfFileTests(ElfSamples samples) : IClassFixture<ElfSamples>
{
    private static readonly string[] Damaged = ["library", "32-bit", "object", "big-endian"];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public void A_library_has_the_same_symbols_with_and_without_sections_and_in_memory()
    {
        string path = samples["libc"];
        byte[] bytes = File.ReadAllBytes(path);
        using ElfFile file = ElfFile.Open(path);
        string[] expected = Dynamic(file);
        Assert.True(expected.Length > 2000);
        Assert.Contains(expected, symbol => symbol.Contains(" malloc@@GLIBC_", StringComparison.Ordinal));

        using ElfFile bare = ElfFile.Read(new ElfBufferSource(WithoutSections(bytes), path));
        Assert.Empty(bare.Sections);
        Assert.Equal(expected, Dynamic(bare));
        Assert.Empty(bare.Symbols(ElfSymbolSource.Full));

        using LinuxProcess self = LinuxProcess.Open(Environment.ProcessId);
        using MappedImages images = new(self, Stop);
        using ElfFile image = ElfFile.Read(new ElfMemoryImage(self, images.Named(path).Single().Maps, Stop));
        Assert.Equal(expected, Dynamic(image));
        Assert.Equal(file.BuildId, image.BuildId);
        Assert.Equal(path, image.Header.Path);
        Assert.Equal($"{path} in process {self.Identity}", image.Name);
        Assert.Equal(file.Segments.Select(segment => segment.VirtualAddress), image.Segments.Select(segment => segment.VirtualAddress));
    }

    [Theory]
    [InlineData("ls")]
    [InlineData("library")]
    [InlineData("32-bit")]
    public void Dynamic_symbols_need_no_sections(string sample)
    {
        byte[] bytes = File.ReadAllBytes(samples[sample]);
        using ElfFile file = ElfFile.Read(new ElfBufferSource(bytes, sample)), bare = ElfFile.Read(new ElfBufferSource(WithoutSections(bytes), sample));
        Assert.NotEmpty(Dynamic(file));
        Assert.Equal(Dynamic(file), Dynamic(bare));
        Assert.Equal(file.BuildId, bare.BuildId);
    }

    [Fact]
    public void A_stripped_file_uses_its_debug_file()
    {
        using ElfFile whole = ElfFile.Open(samples["library"]), stripped = ElfFile.Open(samples["stripped"]),
            debug = ElfFile.Open(samples["debug"]);
        Assert.NotNull(whole.BuildId);
        Assert.Equal((whole.BuildId, whole.BuildId), (stripped.BuildId, debug.BuildId));
        Assert.Empty(stripped.Symbols(ElfSymbolSource.Full));
        Assert.Contains(stripped.Sections, section => section.Name == ".gnu_debuglink");
        Assert.Contains(debug.Symbols(ElfSymbolSource.Full), symbol => symbol.Name == "hidden_from_others");
        Assert.Equal(ElfSectionType.NoBits, debug.Sections.Single(section => section.Name == ".text").Type);
    }

    [Fact]
    public void Cxx_names_are_demangled()
    {
        using ElfFile file = ElfFile.Open(samples["c++"]);
        string[] names = [.. file.Symbols(ElfSymbolSource.Dynamic).Select(symbol => symbol.DemangledName)];
        Assert.Contains("garlic::Clove<int>::peel(int)", names);
        Assert.Contains("use(garlic::Clove<int>*, unsigned long)", names);
        Assert.Contains("vtable for garlic::Clove<int>", names);
        Assert.Contains("_ITM_deregisterTMCloneTable", names);
    }

    [Fact]
    public void A_name_that_demangles_to_gigabytes_is_left_as_it_is()
    {
        // Each part expands to the previous one twice: 40 of them to 2^40 letters.
        string name = "_Z1f1PIiiE" + string.Concat(Enumerable.Range(1, 40).Select(part => $"S_I{Part(part)}{Part(part)}E"));
        Assert.Null(CxxName.Demangle(name));
        Assert.Equal("f(P<int, int>, P<P<int, int>, P<int, int> >)", CxxName.Demangle("_Z1f1PIiiES_IS0_S0_E"));
        Assert.Null(CxxName.Demangle("_Z" + new string('P', 20_000)));

        static string Part(int number) => number - 1 < 10 ? $"S{number - 1}_"
            : number - 1 < 36 ? $"S{(char)('A' + number - 11)}_" : $"S1{(char)('0' + number - 37)}_";
    }

    [Fact]
    public void All_mangled_names_of_the_standard_library_are_demangled()
    {
        string? library = Directory.EnumerateFiles("/usr/lib", "libstdc++.so.6", new EnumerationOptions
        {
            RecurseSubdirectories = true, IgnoreInaccessible = true,
        }).FirstOrDefault();
        Assert.SkipWhen(library is null, "needs libstdc++.so.6 below /usr/lib");
        using ElfFile file = ElfFile.Open(library);
        ElfSymbol[] mangled = [.. file.Symbols(ElfSymbolSource.Dynamic)
            .Where(symbol => symbol.Name.StartsWith("_Z", StringComparison.Ordinal))];
        Assert.True(mangled.Length > 1000);
        Assert.DoesNotContain(mangled, symbol => symbol.DemangledName.StartsWith("_Z", StringComparison.Ordinal));
    }

    [Fact]
    public void A_program_is_read_from_its_running_file_after_the_path_was_replaced()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("sleeper", File.ReadAllBytes(Requires.Tool("sleep")));
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        using Process program = Process.Start(path, "600");
        try
        {
            using LinuxProcess process = LinuxProcess.Open(program.Id);
            // The program may not be mapped until its loader is done.
            Assert.True(SpinWait.SpinUntil(() => MapReader.Read(process).Any(map => map.Path == path)
                && MapReader.Read(process).Any(map => map.Kind == ProcMapKind.Heap), 10_000));
            using ElfFile expected = ElfFile.Open(path);
            Check();
            File.Delete(path);
            Check();
            folder.File("sleeper", File.ReadAllBytes(samples["libc"]));
            Check();

            void Check()
            {
                using MappedImages images = new(process, Stop);
                MappedFile file = images.Named(path).Single();
                Assert.True(file.Maps.Count > 3);
                Assert.Equal(expected.BuildId, file.Elf!.BuildId);
                Assert.Equal(expected.Header.EntryPoint, file.Elf.Header.EntryPoint);
                using ElfFile memory = ElfFile.Read(new ElfMemoryImage(process, file.Maps, Stop));
                Assert.Equal(expected.BuildId, memory.BuildId);
                ulong bias = file.Maps[0].Start;
                Assert.All(file.Maps, map => Assert.Equal(bias, file.ImageOf(map).LoadBias));
                Assert.Equal([bias], file.Images.Select(image => image.LoadBias));
            }
        }
        finally
        {
            program.Kill();
            program.WaitForExit();
        }
    }

    [Fact]
    public void A_program_in_a_container_is_not_read_from_the_hosts_path()
    {
        Requires.Root();
        using TemporaryFolder folder = new();
        string inside = Requires.Tool("sleep"), path = folder.File("program", File.ReadAllBytes(samples["libc"]));
        string script = $"mount -t tmpfs none '{folder.Path}' && cp '{inside}' '{path}' && echo ready && exec '{path}' 600";
        using Process program = Process.Start(new ProcessStartInfo(
            Requires.Tool("unshare"), ["--mount", "/bin/sh", "-c", script]) { RedirectStandardOutput = true })!;
        try
        {
            Assert.SkipUnless(program.StandardOutput.ReadLine() == "ready", "needs root with the right to mount in a namespace");
            using LinuxProcess process = LinuxProcess.Open(program.Id);
            // During exec a process has no mappings, like an exited one.
            Assert.True(SpinWait.SpinUntil(() => File.ReadAllText($"/proc/{process.Id}/maps").Contains(path), 10_000));
            using ElfFile expected = ElfFile.Open(inside);
            using MappedImages images = new(process, Stop);
            ElfFile file = images.Named(path).Single().RequireElf();
            Assert.Equal(expected.BuildId, file.BuildId);
            Assert.Equal(path, file.Name);
        }
        finally
        {
            program.Kill(entireProcessTree: true);
            program.WaitForExit();
        }
    }

    [Fact]
    public void A_file_that_is_mapped_as_data_is_not_loaded()
    {
        string path = samples["libc"];
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"file 0 {new FileInfo(path).Length} r-- private {path}").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using MappedImages images = new(process, Stop);
        MappedFile file = images.FileAt(address)!;
        Assert.True(file.Maps.Count > 3);
        MappedImage image = Assert.Single(file.Images);
        Assert.Same(image, file.ImageOf(file.Maps.First(map => map.IsExecutable)));
        Assert.NotEqual(image.LoadBias, address);
        Assert.DoesNotContain(address, image.Maps.Select(map => map.Start));
        Assert.Null(images.FileAt(MapReader.Read(process).First(map => map.Kind == ProcMapKind.Anonymous).Start));
    }

    [Fact]
    public void A_file_that_is_not_ELF_is_an_error()
    {
        using TemporaryFolder folder = new();
        foreach ((string path, Errno errno) in new[]
        {
            (folder.Path, Errno.EISDIR), ("/dev/zero", Errno.EINVAL), (Path.Combine(folder.Path, "none"), Errno.ENOENT),
            (folder.File("text", "#!/bin/sh\n# no program"u8), Errno.ENOEXEC), (folder.File("empty", []), Errno.ENOEXEC),
            (folder.File("short", "\u007fELF\u0002\u0001\u0001\0\0\0\0\0\0\0\0\0\u0003\0"u8), Errno.ENOEXEC),
        })
        {
            MemProcException error = Assert.Throws<MemProcException>(() => ElfFile.Open(path));
            Assert.Equal((Operation.ReadElf, errno), (error.Operation, error.Errno));
        }
    }

    [Fact]
    public void A_header_that_claims_terabytes_allocates_no_memory()
    {
        using TemporaryFolder folder = new();
        byte[] bytes = WithoutSections(File.ReadAllBytes(samples["library"]));
        // Section headers beyond the data, in a sparse file of a terabyte; their count is in the first.
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(0x28), 0x1000_0000);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(0x3a), 64);
        string path = folder.File("sparse", bytes);
        using (FileStream file = new(path, FileMode.Open))
        {
            file.SetLength(1L << 40);
            file.Position = 0x1000_0000 + 32;
            file.Write(BitConverter.GetBytes(uint.MaxValue));
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        using ElfFile elf = ElfFile.Open(path);
        MemProcException error = Assert.Throws<MemProcException>(() => elf.Sections);
        Assert.Equal(Errno.ENOEXEC, error.Errno);
        Assert.Contains("more than a valid file has", error.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void Damaged_files_cause_only_the_documented_errors()
    {
        byte[][] sound = [.. Damaged.Select(name => File.ReadAllBytes(samples[name]))];
        Assert.All(sound, bytes => Assert.True(ElfFuzz.ReadAll(bytes).IsSound));
        Random random = new(20_260_501);
        int broken = 0;
        for (int count = 0; count < 2000; count++)
        {
            byte[] damaged = ElfFuzz.Damage(sound[count % sound.Length], random);
            long before = GC.GetAllocatedBytesForCurrentThread();
            broken += ElfFuzz.ReadAll(damaged).IsSound ? 0 : 1;
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 * 1024 * 1024);
        }

        // Most of the other faults cannot be detected, such as a changed name or instruction.
        Assert.InRange(broken, 400, 1999);
    }

    private static string[] Dynamic(ElfFile file) => [.. file.Symbols(ElfSymbolSource.Dynamic).Select(symbol =>
        $"{symbol.Index} {symbol.VersionedName} {symbol.Value:x} {symbol.SizeBytes} {symbol.Type} {symbol.Binding} "
        + $"{symbol.Visibility} {symbol.SectionIndex}")];

    /// <summary>Returns the file with a header without section headers.</summary>
    private static byte[] WithoutSections(byte[] bytes)
    {
        byte[] bare = [.. bytes];
        bool is64Bit = bytes[4] == 2;
        bare.AsSpan(is64Bit ? 0x28 : 0x20, is64Bit ? 8 : 4).Clear();
        bare.AsSpan(is64Bit ? 0x3a : 0x2e, 6).Clear();
        return bare;
    }
}
