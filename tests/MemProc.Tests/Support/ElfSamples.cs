namespace MemProc.Tests;

/// <summary>ELF files of all kinds, each made on first use. A test whose file cannot be made is skipped.</summary>
public sealed class ElfSamples : IDisposable
{
    /// <summary>Programs and libraries of this machine, and files compiled from the sources below.</summary>
    public static readonly string[] Names =
    [
        "ls", "libc", "ld.so", "vdso", "static-pie", "library", "c++", "stripped", "debug", "32-bit", "object", "big-endian",
    ];

    private const string Library = """
        #include <stddef.h>
        __thread int of_threads = 7;
        int zeros[5000];
        static int hidden_from_others(int value) { return value + zeros[value & 1]; }
        __attribute__((visibility("hidden"))) int inner(int value) { return hidden_from_others(value); }
        __attribute__((visibility("protected"))) int guarded(int value) { return inner(value) + of_threads; }
        __attribute__((weak)) int maybe(void) { return 3; }
        static int first(void) { return 1; }
        static void *choose(void) { return first; }
        int chosen(void) __attribute__((ifunc("choose")));
        extern int printf(const char *, ...);
        int speak(void) { return printf("%d", guarded(maybe())); }
        """;

    private const string Cxx = """
        namespace garlic { template <class T> struct Clove { T value; virtual ~Clove() {} T peel(T with); };
        template <class T> T Clove<T>::peel(T with) { return value + with; } }
        template struct garlic::Clove<int>;
        int use(garlic::Clove<int> *clove, unsigned long) { static int count; return clove->peel(++count); }
        """;

    private const string Assembly32 = """
        .globl f
        .type f, @function
        f: ret
        .size f, . - f
        .section .note.test, "a", @note
        .long 4, 2, 9
        .asciz "abc"
        .byte 1, 2, 0, 0
        .data
        .globl d
        .type d, @object
        d: .long outside
        .size d, 4
        """;

    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, Lazy<string>> _samples;

    /// <summary>Prepares the samples.</summary>
    public ElfSamples() => _samples = new()
    {
        ["ls"] = new(() => Installed("/bin/ls")),
        ["libc"] = new(() => Mapped("libc.so.6")),
        ["ld.so"] = new(() => Mapped("ld-linux*")),
        ["vdso"] = new(Vdso),
        ["static-pie"] = new(() => CCompiler.Build(
            New("static-pie"), "int main(void) { return 0; }", "gcc", "-static-pie", "-x", "c")),
        ["library"] = new(() => CCompiler.Build(
            New("library.so"), Library, "gcc", "-g", "-shared", "-fPIC", "-Wl,--hash-style=both", "-x", "c")),
        ["c++"] = new(() => CCompiler.Build(New("cxx.so"), Cxx, "g++", "-shared", "-fPIC", "-x", "c++")),
        ["stripped"] = new(Stripped),
        ["debug"] = new(() => Objcopy("debug", "--only-keep-debug", this["library"])),
        ["32-bit"] = new(Link32),
        ["object"] = new(() => CCompiler.Build(New("object.o"), Cxx, "g++", "-c", "-ffunction-sections", "-x", "c++")),
        ["big-endian"] = new(() => Objcopy("big-endian", "-I", "binary", "-O", "elf64-big",
            _folder.File("some.bytes", "some bytes"u8))),
    };

    /// <summary>Returns the path of a sample.</summary>
    public string this[string name] => _samples[name].Value;

    /// <summary>Returns the path of a new file.</summary>
    public string New(string name) => Path.Combine(_folder.Path, name);

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    private static string Installed(string path)
    {
        Assert.SkipUnless(File.Exists(path), $"needs {path}");
        return path;
    }

    /// <summary>Returns the path of a library that this process has loaded.</summary>
    private static string Mapped(string name)
    {
        using LinuxProcess self = LinuxProcess.Open(Environment.ProcessId);
        ProcMap? map = MapReader.Read(self).FirstOrDefault(map =>
            System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(name, Path.GetFileName(map.Path)));
        Assert.SkipWhen(map is null, $"needs {name}, which this process does not use");
        return map.Path;
    }

    private string Vdso()
    {
        using LinuxProcess self = LinuxProcess.Open(Environment.ProcessId);
        ProcMap? map = MapReader.Read(self).FirstOrDefault(map => map.Kind == ProcMapKind.Vdso);
        Assert.SkipWhen(map is null, "needs a kernel that has a vDSO");
        byte[] bytes = new MemoryReader(self, ReadMethod.Auto, TestContext.Current.CancellationToken)
            .ReadExactly(map.Start, map.SizeBytes);
        return _folder.File("vdso.so", bytes);
    }

    private string Stripped()
    {
        string debug = this["debug"];
        string path = Objcopy("stripped.so", "--strip-all", $"--add-gnu-debuglink={debug}", this["library"]);
        return path;
    }

    private string Link32()
    {
        string source = New("32.s"), made = New("32.o"), library = New("32.so");
        File.WriteAllText(source, Assembly32);
        Make("as", "--32", source, "-o", made);
        Make("ld", "-m", "elf_i386", "-shared", "--build-id", "-soname", "lib32.so", made, "-o", library);
        return library;
    }

    private string Objcopy(string name, params string[] arguments)
    {
        Make("objcopy", [.. arguments, New(name)]);
        return New(name);
    }

    private static void Make(string tool, params string[] arguments)
    {
        (int exitCode, _, string errors) = Shell.Try(Requires.Tool(tool), arguments);
        Assert.SkipUnless(exitCode == 0, $"needs {tool} {string.Join(' ', arguments)} to work: {errors}");
    }
}
