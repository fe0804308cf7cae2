using System.Diagnostics;

namespace MemProc.Tests;

/// <summary>Tests names in compiled programs: local, ambiguous, and in a separate debug file.</summary>
public sealed class CompiledProgramTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Names_in_symtab_are_found_and_ambiguous_ones_are_an_error()
    {
        string program = Compile("cook");
        Run(program, (process, spoon) =>
        {
            ResolvedAddress resolved = Resolve(process, spoon + 2);
            Assert.Equal(("spoon", 2UL, SymbolOrigin.Full), (resolved.Symbol, resolved.SymbolOffset, resolved.SymbolSource));
            Assert.Equal(spoon, AddressExpression.Parse("!spoon").Resolve(process));
            Assert.Equal(spoon, AddressExpression.Parse("cook!spoon").Resolve(process));
            MemProcException error = Assert.Throws<MemProcException>(() => AddressExpression.Parse("!twin").Resolve(process));
            Assert.Equal("ResolveAddress,EINVAL", error.ErrorId);
            Assert.Equal(2, error.Message.Split("twin at 0x").Length - 1);
            error = Assert.Throws<MemProcException>(() => AddressExpression.Parse("!own").Resolve(process));
            Assert.Contains("per thread", error.Message, StringComparison.Ordinal);
            error = Assert.Throws<MemProcException>(() => AddressExpression.Parse("spoon").Resolve(process));
            Assert.Contains("write !spoon", error.Message, StringComparison.Ordinal);
        });
    }

    [Theory]
    [InlineData("-Wl,--build-id=sha1")]
    [InlineData("-Wl,--build-id=none")]
    public void Names_in_a_debug_file_are_found_unless_its_build_id_differs(string buildId)
    {
        string objcopy = Requires.Tool("objcopy");
        string program = Compile("cook", buildId);
        string debug = Path.Combine(_folder.Path, "cook.debug");
        Shell.Run(objcopy, "--only-keep-debug", program, debug);
        Shell.Run(objcopy, "--strip-all", $"--add-gnu-debuglink={debug}", program);
        Run(program, (process, spoon) =>
        {
            ResolvedAddress resolved = Resolve(process, spoon + 2);
            Assert.Equal(("spoon", 2UL, SymbolOrigin.DebugFile), (resolved.Symbol, resolved.SymbolOffset, resolved.SymbolSource));
            Assert.Equal(spoon, AddressExpression.Parse("!spoon").Resolve(process));

            string other = Compile("other", buildId, "-DOTHER");
            Shell.Run(objcopy, "--only-keep-debug", other, debug);
            Assert.Null(Resolve(process, spoon + 2).Symbol);
        });
    }

    [Fact]
    public void A_32_bit_process_has_4_byte_pointers()
    {
        // Without a C library, since a 32-bit one is rarely installed.
        string program = CCompiler.Build(Path.Combine(_folder.Path, "small"),
            """
            static int call(int number, int first, int second, int third)
            {
                int result;
                __asm__ volatile("int $0x80" : "=a"(result)
                    : "a"(number), "b"(first), "c"(second), "d"(third) : "memory");
                return result;
            }

            int value = 1234567, *pointer = &value, behind = -1;
            void spoon(void) { call(4, 1, (int)"ready\n", 6); for (;;) call(29, 0, 0, 0); }
            void _start(void) { spoon(); }
            """, "gcc", "-m32", "-nostdlib", "-static", "-fno-pie", "-no-pie", "-x", "c");
        Process started;
        try
        {
            started = Process.Start(new ProcessStartInfo(program) { RedirectStandardOutput = true })!;
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            Assert.Skip($"needs a kernel that runs programs of 32 bits: {error.Message}");
            return;
        }

        using (started)
        {
            try
            {
                Assert.Equal("ready", started.StandardOutput.ReadLine());
                using LinuxProcess process = LinuxProcess.Open(started.Id);
                using MappedImages images = new(process);
                Assert.Equal((32, ElfMachine.X86), (images.Main!.Elf!.Header.Bits, images.Main.Elf.Header.Machine));
                ulong spoon = AddressExpression.Parse("!spoon").Resolve(images);
                Assert.Equal(spoon + 1, AddressExpression.Parse("small!spoon+1").Resolve(images));
                Assert.Equal("small!spoon+0x2", Resolve(process, spoon + 2).Location);
                Assert.Equal(AddressExpression.Parse("!_start").Resolve(images), AddressExpression.Parse("auxv:AT_ENTRY").Resolve(images));
                ulong value = AddressExpression.Parse("*(!pointer)").Resolve(images);
                Assert.Equal(AddressExpression.Parse("!value").Resolve(images), value);
                byte[] bytes = new MemoryReader(process, ReadMethod.Auto).ReadExactly(value, sizeof(int));
                Assert.Equal(1_234_567, BitConverter.ToInt32(bytes));
                ProcMap vdso = MapReader.Read(process).Single(map => map.Kind == ProcMapKind.Vdso);
                Assert.InRange(AddressExpression.Parse("[vdso]!__kernel_vsyscall").Resolve(images), vdso.Start, vdso.End - 1);
            }
            finally
            {
                started.Kill();
                started.WaitForExit();
            }
        }
    }

    private static ResolvedAddress Resolve(LinuxProcess process, ulong address)
    {
        using Symbolizer resolver = new(process);
        return resolver.Resolve([address], error => throw error).Single();
    }

    private string Compile(string name, params string[] options)
    {
        string gcc = Requires.Tool("gcc");
        string first = Path.Combine(_folder.Path, "first.c"), second = Path.Combine(_folder.Path, "second.c");
        File.WriteAllText(first,
            """
            #include <stdio.h>
            __thread int own = 1;
            static int twin(void) { return 1; }
            int other(void);
            static int spoon(void) { return twin() + other(); }
            int main(void) { printf("%p\n", (void *)spoon); fflush(stdout); return getchar() + own + spoon(); }
            """);
        File.WriteAllText(second,
            """
            #ifdef OTHER
            int more(void) { return 3; }
            #endif
            static int twin(void) { return 2; }
            int other(void) { return twin(); }
            """);
        string program = Path.Combine(_folder.Path, name);
        Shell.Run(gcc, ["-O0", .. options, "-o", program, first, second]);
        return program;
    }

    private static void Run(string program, Action<LinuxProcess, ulong> test)
    {
        using Process started = Process.Start(new ProcessStartInfo(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        try
        {
            ulong spoon = Convert.ToUInt64(started.StandardOutput.ReadLine(), 16);
            using LinuxProcess process = LinuxProcess.Open(started.Id);
            test(process, spoon);
        }
        finally
        {
            started.Kill();
            started.WaitForExit();
        }
    }
}
