using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using MemProc.Interop;

namespace MemProc.Tests.Interop;

/// <summary>Tests that the kernel's constants in the interop assembly are those of the C headers, with gcc.</summary>
public sealed class KernelNumberTests
{
    [Fact]
    public void Error_numbers() => Prove("#include <errno.h>",
        Enum.GetValues<Errno>().Where(errno => errno != Errno.None).Select(errno => ($"{errno}", (object)(int)errno)));

    [Fact]
    public void Entries_of_the_auxiliary_vector() => Prove(
        """
        #include <linux/auxvec.h>
        #include <asm/auxvec.h>
        #ifndef AT_RSEQ_FEATURE_SIZE
        #define AT_RSEQ_FEATURE_SIZE 27
        #define AT_RSEQ_ALIGN 28
        #endif
        #ifndef AT_HWCAP3
        #define AT_HWCAP3 29
        #define AT_HWCAP4 30
        #endif
        #ifndef AT_SYSINFO
        #define AT_SYSINFO 32
        #endif
        #ifndef AT_MINSIGSTKSZ
        #define AT_MINSIGSTKSZ 51
        #endif
        """,
        AuxiliaryVector.Names.Select(entry => (entry.Name, (object)entry.Type)));

    [Fact]
    public void Perf_events() => Prove(
        """
        #include <linux/hw_breakpoint.h>
        #include <linux/perf_event.h>
        #include <stddef.h>
        #include <sys/ioctl.h>
        #include <sys/syscall.h>
        #include <time.h>
        """,
        [
            ("PERF_TYPE_BREAKPOINT", PerfEventAttribute.BreakpointType),
            ("PERF_ATTR_SIZE_VER4", PerfEventAttribute.Bytes),
            ("PERF_ATTR_SIZE_VER4", Marshal.SizeOf<PerfEventAttribute>()),
            ("(PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR | PERF_SAMPLE_ID)", PerfEventAttribute.SampleFields),
            ("HW_BREAKPOINT_W", PerfEventAttribute.Write),
            ("HW_BREAKPOINT_RW", PerfEventAttribute.ReadWrite),
            ("CLOCK_MONOTONIC", PerfEventAttribute.Monotonic),
            ("SYS_perf_event_open", Constant(typeof(Libc),
                RuntimeInformation.ProcessArchitecture == Architecture.X64 ? "PerfNumberX64" : "PerfNumberArm64")),
            ("PERF_FLAG_FD_CLOEXEC", Constant(typeof(Libc), "PerfCloseOnExec")),
            ("PERF_EVENT_IOC_ID", Constant(typeof(Libc), "PerfIocId")),
            ("PERF_EVENT_IOC_SET_OUTPUT", Constant(typeof(Libc), "PerfIocSetOutput")),
            ("offsetof(struct perf_event_attr, sample_type)", Offset(nameof(PerfEventAttribute.SampleType))),
            ("offsetof(struct perf_event_attr, wakeup_events)", Offset(nameof(PerfEventAttribute.WakeupEvents))),
            ("offsetof(struct perf_event_attr, bp_type)", Offset(nameof(PerfEventAttribute.BreakpointKind))),
            ("offsetof(struct perf_event_attr, bp_addr)", Offset(nameof(PerfEventAttribute.BreakpointAddress))),
            ("offsetof(struct perf_event_attr, bp_len)", Offset(nameof(PerfEventAttribute.BreakpointLength))),
            ("offsetof(struct perf_event_attr, clockid)", Offset(nameof(PerfEventAttribute.ClockId))),
            ("offsetof(struct perf_event_mmap_page, data_head)", Constant(typeof(PerfRing), "HeadOffset")),
            ("offsetof(struct perf_event_mmap_page, data_tail)", Constant(typeof(PerfRing), "TailOffset")),
            ("PERF_RECORD_LOST", Constant(typeof(PerfRing), "LostRecord")),
            ("PERF_RECORD_SAMPLE", Constant(typeof(PerfRing), "SampleRecord")),
            ("PERF_RECORD_MISC_CPUMODE_MASK", Constant(typeof(PerfRing), "ModeMask")),
            ("PERF_RECORD_MISC_KERNEL", Constant(typeof(PerfRing), "KernelMode")),
        ]);

    private static int Offset(string field) => (int)Marshal.OffsetOf<PerfEventAttribute>(field);

    [Fact]
    public void Arguments_of_system_calls() => Prove(
        """
        #include <fcntl.h>
        #include <linux/fs.h>
        #include <linux/magic.h>
        #include <linux/openat2.h>
        #include <poll.h>
        #include <sys/mman.h>
        #include <sys/stat.h>
        #include <sys/syscall.h>
        #ifndef SYS_pidfd_open
        #define SYS_pidfd_open 434
        #endif
        #ifndef SYS_process_madvise
        #define SYS_process_madvise 440
        #endif
        #ifndef MADV_COLLAPSE
        #define MADV_COLLAPSE 25
        #endif
        #ifndef MADV_COLD
        #define MADV_COLD 20
        #define MADV_PAGEOUT 21
        #endif
        #ifndef SYS_cachestat
        #define SYS_cachestat 451
        #endif
        """,
        [
            ("AT_FDCWD", Constant(typeof(Libc), "CurrentDirectory")),
            ("O_CLOEXEC", Constant(typeof(Libc), "CloseOnExec")),
            ("O_RDONLY", (int)OpenAccess.ReadOnly),
            ("O_WRONLY", (int)OpenAccess.WriteOnly),
            ("O_RDWR", (int)OpenAccess.ReadWrite),
            ("(O_RDONLY | O_NONBLOCK)", (int)OpenAccess.ReadNonBlocking),
            ("(O_RDONLY | O_NONBLOCK | O_NOATIME)", (int)OpenAccess.ReadNoAccessTime),
            ("(O_RDONLY | O_NONBLOCK | O_NOCTTY)", (int)OpenAccess.ReadChecked),
            ("SYS_openat2", Constant(typeof(Libc), "OpenAt2Number")),
            ("RESOLVE_IN_ROOT", Constant(typeof(Libc), "ResolveInRoot")),
            ("RESOLVE_NO_MAGICLINKS", Constant(typeof(Libc), "ResolveNoMagicLinks")),
            ("PROC_SUPER_MAGIC", Constant(typeof(PathInRoot), "ProcMagic")),
            ("FUSE_SUPER_MAGIC", Constant(typeof(FileSystems), "Fuse")),
            ("O_PATH", (int)OpenAccess.PathOnly),
            ("O_NOFOLLOW", Libc.NoFollow),
            ("(O_WRONLY | O_CREAT | O_EXCL)", Constant(typeof(Libc), "CreateNew")),
            ("(S_IRUSR | S_IWUSR)", Constant(typeof(Libc), "OwnerReadWrite")),
            ("S_IRWXU", Constant(typeof(Libc), "OwnerAll")),
            ("AT_REMOVEDIR", Constant(typeof(Libc), "RemoveDirectory")),
            ("RENAME_NOREPLACE", Constant(typeof(Libc), "RenameNoReplace")),
            ("AT_SYMLINK_NOFOLLOW", Constant(typeof(Libc), "SymbolicLinkNoFollow")),
            ("SEEK_DATA", Constant(typeof(Libc), "SeekData")),
            ("SEEK_HOLE", Constant(typeof(Libc), "SeekHole")),
            ("AT_EMPTY_PATH", Constant(typeof(Libc), "EmptyPath")),
            ("PROT_READ", Constant(typeof(Libc), "ProtectRead")),
            ("MAP_SHARED", Constant(typeof(Libc), "MapShared")),
            ("MAP_NORESERVE", Constant(typeof(Libc), "MapNoReserve")),
            ("MADV_RANDOM", (int)MemoryAdvice.Random),
            ("MADV_WILLNEED", (int)MemoryAdvice.WillNeed),
            ("MADV_COLD", (int)MemoryAdvice.Cold),
            ("MADV_PAGEOUT", (int)MemoryAdvice.PageOut),
            ("MADV_COLLAPSE", (int)MemoryAdvice.Collapse),
            ("SYS_process_madvise", Constant(typeof(Libc), "ProcessMAdviseNumber")),
            ("SYS_move_pages", Constant(typeof(Libc),
                RuntimeInformation.ProcessArchitecture == Architecture.X64 ? "MovePagesNumberX64" : "MovePagesNumberArm64")),
            ("POSIX_FADV_DONTNEED", Constant(typeof(Libc), "FileAdviceDontNeed")),
            ("SYS_cachestat", Constant(typeof(Libc), "CacheStatNumber")),
            ("MADV_NOHUGEPAGE", (int)MemoryAdvice.NoHugePage),
            ("MAP_ANONYMOUS", Constant(typeof(Libc), "MapAnonymous")),
            ("MAP_PRIVATE", Constant(typeof(Libc), "MapPrivate")),
            ("PROT_WRITE", Constant(typeof(Libc), "ProtectWrite")),
            ("POLLIN", Constant(typeof(Libc), "PollIn")),
            ("SYS_pidfd_open", Constant(typeof(Libc), "PidfdOpenNumber")),
            ("STATX_BASIC_STATS", Constant(typeof(Libc), "StatXBasicStats")),
            ("S_IFMT", Constant(typeof(FileStatus), "KindMask")),
            ("S_IFDIR", Constant(typeof(FileStatus), "DirectoryKind")),
            ("S_IFREG", Constant(typeof(FileStatus), "RegularKind")),
            ("S_IFLNK", Constant(typeof(FileStatus), "SymbolicLinkKind")),
        ]);

    [Fact]
    public void PAGEMAP_SCAN_and_its_categories() => Prove(CHeaders.PageMapScan,
        [
            ("PAGEMAP_SCAN", Constant(typeof(PageMapScan), "Request")),
            ("_IOWR('f', 16, struct pm_scan_arg)", Constant(typeof(PageMapScan), "Request")),
            ("PAGE_IS_WPALLOWED", (ulong)PageCategories.WriteProtectionAllowed),
            ("PAGE_IS_WRITTEN", (ulong)PageCategories.Written),
            ("PAGE_IS_FILE", (ulong)PageCategories.File),
            ("PAGE_IS_PRESENT", (ulong)PageCategories.Present),
            ("PAGE_IS_SWAPPED", (ulong)PageCategories.Swapped),
            ("PAGE_IS_PFNZERO", (ulong)PageCategories.ZeroPage),
            ("PAGE_IS_HUGE", (ulong)PageCategories.Huge),
            ("PAGE_IS_SOFT_DIRTY", (ulong)PageCategories.SoftDirty),
            ("PAGE_IS_GUARD", (ulong)PageCategories.Guard),
        ]);

    [Fact]
    public void PROCMAP_QUERY_and_its_flags() => Prove(CHeaders.ProcMapQuery,
        [
            ("PROCMAP_QUERY", Constant(typeof(ProcMapQuery), "Request")),
            ("_IOWR('f', 17, struct procmap_query)", Constant(typeof(ProcMapQuery), "Request")),
            ("PROCMAP_QUERY_COVERING_OR_NEXT_VMA", Constant(typeof(ProcMapQuery), "CoveringOrNext")),
            ("PROCMAP_QUERY_VMA_READABLE", (int)VmaPermissions.Read),
            ("PROCMAP_QUERY_VMA_WRITABLE", (int)VmaPermissions.Write),
            ("PROCMAP_QUERY_VMA_EXECUTABLE", (int)VmaPermissions.Execute),
            ("PROCMAP_QUERY_VMA_SHARED", (int)VmaPermissions.Shared),
        ]);

    [Fact]
    public void Page_flags() => Prove("#include <linux/kernel-page-flags.h>",
        KernelPageFlag.All.Where(flag => flag.Origin == PageFlagOrigin.Stable).Select(flag => (flag.Name switch
        {
            "anonymous" => "KPF_ANON",
            "idle_page" => "KPF_IDLE",
            _ => $"KPF_{flag.Name.ToUpperInvariant()}",
        }, (object)flag.Bit)));

    [Fact]
    public void A_wrong_number_is_detected()
    {
        Assert.Empty(CCompiler.CompileErrors(Assertions("#include <errno.h>", [("ENOENT", 2)])));
        Assert.NotEmpty(CCompiler.CompileErrors(Assertions("#include <errno.h>", [("ENOENT", 3)])));
    }

    private static void Prove(string header, IEnumerable<(string Name, object Number)> numbers) =>
        Assert.Empty(CCompiler.CompileErrors(Assertions(header, numbers)));

    private static string Assertions(string header, IEnumerable<(string Name, object Number)> numbers)
    {
        StringBuilder program = new();
        program.AppendLine("#define _GNU_SOURCE").AppendLine(header);
        foreach ((string name, object number) in numbers)
        {
            program.AppendLine(CultureInfo.InvariantCulture, $"_Static_assert({name} == {number}, \"{name}\");");
        }

        return program.ToString();
    }

    private static object Constant(Type type, string name)
    {
        FieldInfo? field = type.GetField(name, BindingFlags.NonPublic | BindingFlags.Static);
        Assert.True(field is { IsLiteral: true }, $"{type.Name} has no constant {name}");
        return field!.GetRawConstantValue()!;
    }
}
