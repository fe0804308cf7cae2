using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using MemProc.Interop;

namespace MemProc.Tests.Interop;

/// <summary>
/// Tests that every structure of the kernel interface has the layout of C: gcc compares the sizes and the offsets of
/// all fields.
/// </summary>
public sealed class StructLayoutTests
{
    [Fact]
    public void IoVector_is_iovec() => Prove<IoVector>("struct iovec", "#include <sys/uio.h>",
        (nameof(IoVector.Base), "iov_base"),
        (nameof(IoVector.Length), "iov_len"));

    [Fact]
    public void PollFd_is_pollfd() => Prove<PollFd>("struct pollfd", "#include <poll.h>",
        (nameof(PollFd.Fd), "fd"),
        (nameof(PollFd.Events), "events"),
        (nameof(PollFd.ReturnedEvents), "revents"));

    [Fact]
    public void FileStatus_is_the_head_of_statx() => Prove<FileStatus>("struct statx", "#include <linux/stat.h>",
        (nameof(FileStatus.LinkCount), "stx_nlink"),
        (nameof(FileStatus.UserId), "stx_uid"),
        (nameof(FileStatus.Mode), "stx_mode"),
        (nameof(FileStatus.Inode), "stx_ino"),
        (nameof(FileStatus.SizeBytes), "stx_size"),
        (nameof(FileStatus.AccessSeconds), "stx_atime.tv_sec"),
        (nameof(FileStatus.AccessNanoseconds), "stx_atime.tv_nsec"),
        (nameof(FileStatus.ChangeSeconds), "stx_ctime.tv_sec"),
        (nameof(FileStatus.ChangeNanoseconds), "stx_ctime.tv_nsec"),
        (nameof(FileStatus.ModifySeconds), "stx_mtime.tv_sec"),
        (nameof(FileStatus.ModifyNanoseconds), "stx_mtime.tv_nsec"),
        (nameof(FileStatus.DeviceMajor), "stx_dev_major"),
        (nameof(FileStatus.DeviceMinor), "stx_dev_minor"));

    [Fact]
    public void OpenHow_is_open_how() => Prove<OpenHow>("struct open_how", "#include <linux/openat2.h>",
        (nameof(OpenHow.Flags), "flags"),
        (nameof(OpenHow.Mode), "mode"),
        (nameof(OpenHow.Resolve), "resolve"));

    [Fact]
    public void CacheRange_is_cachestat_range() => Prove<CacheRange>("struct cachestat_range", CHeaders.CacheStat,
        (nameof(CacheRange.Offset), "off"),
        (nameof(CacheRange.Length), "len"));

    [Fact]
    public void CacheCounts_is_cachestat() => Prove<CacheCounts>("struct cachestat", CHeaders.CacheStat,
        (nameof(CacheCounts.Cached), "nr_cache"),
        (nameof(CacheCounts.Dirty), "nr_dirty"),
        (nameof(CacheCounts.Writeback), "nr_writeback"),
        (nameof(CacheCounts.Evicted), "nr_evicted"),
        (nameof(CacheCounts.RecentlyEvicted), "nr_recently_evicted"));

    [Fact]
    public void PageRegion_is_page_region() => Prove<PageRegion>("struct page_region", CHeaders.PageMapScan,
        (nameof(PageRegion.Start), "start"),
        (nameof(PageRegion.End), "end"),
        (nameof(PageRegion.Categories), "categories"));

    [Fact]
    public void PageMapScanArgument_is_pm_scan_arg() =>
        Prove<PageMapScanArgument>("struct pm_scan_arg", CHeaders.PageMapScan,
            (nameof(PageMapScanArgument.Size), "size"),
            (nameof(PageMapScanArgument.Flags), "flags"),
            (nameof(PageMapScanArgument.Start), "start"),
            (nameof(PageMapScanArgument.End), "end"),
            (nameof(PageMapScanArgument.WalkEnd), "walk_end"),
            (nameof(PageMapScanArgument.Vector), "vec"),
            (nameof(PageMapScanArgument.VectorLength), "vec_len"),
            (nameof(PageMapScanArgument.MaxPages), "max_pages"),
            (nameof(PageMapScanArgument.CategoryInverted), "category_inverted"),
            (nameof(PageMapScanArgument.CategoryMask), "category_mask"),
            (nameof(PageMapScanArgument.CategoryAnyOfMask), "category_anyof_mask"),
            (nameof(PageMapScanArgument.ReturnMask), "return_mask"));

    [Fact]
    public void ProcMapQueryArgument_is_procmap_query() =>
        Prove<ProcMapQueryArgument>("struct procmap_query", CHeaders.ProcMapQuery,
            (nameof(ProcMapQueryArgument.Size), "size"),
            (nameof(ProcMapQueryArgument.QueryFlags), "query_flags"),
            (nameof(ProcMapQueryArgument.QueryAddress), "query_addr"),
            (nameof(ProcMapQueryArgument.VmaStart), "vma_start"),
            (nameof(ProcMapQueryArgument.VmaEnd), "vma_end"),
            (nameof(ProcMapQueryArgument.VmaFlags), "vma_flags"),
            (nameof(ProcMapQueryArgument.VmaPageSize), "vma_page_size"),
            (nameof(ProcMapQueryArgument.VmaOffset), "vma_offset"),
            (nameof(ProcMapQueryArgument.Inode), "inode"),
            (nameof(ProcMapQueryArgument.DeviceMajor), "dev_major"),
            (nameof(ProcMapQueryArgument.DeviceMinor), "dev_minor"),
            (nameof(ProcMapQueryArgument.VmaNameSize), "vma_name_size"),
            (nameof(ProcMapQueryArgument.BuildIdSize), "build_id_size"),
            (nameof(ProcMapQueryArgument.VmaNameAddress), "vma_name_addr"),
            (nameof(ProcMapQueryArgument.BuildIdAddress), "build_id_addr"));

    [Fact]
    public void PerfEventAttribute_is_the_head_of_perf_event_attr()
    {
        // The flags are bits without an address. The size is that of an older version, which the kernel accepts.
        FieldInfo[] fields = [.. typeof(PerfEventAttribute).GetFields(BindingFlags.Public | BindingFlags.Instance)];
        Dictionary<string, string> names = new()
        {
            [nameof(PerfEventAttribute.Type)] = "type",
            [nameof(PerfEventAttribute.Size)] = "size",
            [nameof(PerfEventAttribute.Config)] = "config",
            [nameof(PerfEventAttribute.SamplePeriod)] = "sample_period",
            [nameof(PerfEventAttribute.SampleType)] = "sample_type",
            [nameof(PerfEventAttribute.ReadFormat)] = "read_format",
            [nameof(PerfEventAttribute.WakeupEvents)] = "wakeup_events",
            [nameof(PerfEventAttribute.BreakpointKind)] = "bp_type",
            [nameof(PerfEventAttribute.BreakpointAddress)] = "bp_addr",
            [nameof(PerfEventAttribute.BreakpointLength)] = "bp_len",
            [nameof(PerfEventAttribute.BranchSampleType)] = "branch_sample_type",
            [nameof(PerfEventAttribute.SampleRegistersUser)] = "sample_regs_user",
            [nameof(PerfEventAttribute.SampleStackUser)] = "sample_stack_user",
            [nameof(PerfEventAttribute.ClockId)] = "clockid",
            [nameof(PerfEventAttribute.SampleRegistersInterrupt)] = "sample_regs_intr",
        };
        Assert.Equal([nameof(PerfEventAttribute.Flags)], fields.Select(field => field.Name).Except(names.Keys));
        Assert.Equal((40, 8), Locate<PerfEventAttribute>(fields.Single(field => field.Name == nameof(PerfEventAttribute.Flags))));
        Assert.Empty(CCompiler.CompileErrors(Assertions("struct perf_event_attr", "#include <linux/perf_event.h>", null,
            fields.Where(field => names.ContainsKey(field.Name)).Select(field =>
            {
                (int offset, int size) = Locate<PerfEventAttribute>(field);
                return (names[field.Name], offset, size);
            }))));
    }

    [Fact]
    public void Every_structure_of_the_interop_assembly_is_tested_here()
    {
        Type[] proven =
        [
            typeof(IoVector), typeof(PollFd), typeof(FileStatus), typeof(PageRegion), typeof(PageMapScanArgument),
            typeof(ProcMapQueryArgument), typeof(CacheRange), typeof(CacheCounts), typeof(OpenHow),
            typeof(PerfEventAttribute),
        ];
        // These structures have public fields; all other types have properties.
        IEnumerable<Type> crossing = typeof(Libc).Assembly.GetTypes().Where(type => type.IsValueType && !type.IsEnum
            && type.GetFields(BindingFlags.Public | BindingFlags.Instance).Length > 0);
        Assert.Equal(proven.OrderBy(type => type.Name), crossing.OrderBy(type => type.Name));
    }

    [Theory]
    [InlineData("iov_base", 8, 8, 16)]
    [InlineData("iov_len", 0, 8, 16)]
    [InlineData("iov_base", 0, 4, 16)]
    [InlineData("iov_base", 0, 8, 24)]
    [InlineData("iov_none", 0, 8, 16)]
    public void A_wrong_layout_is_detected(string member, int offset, int size, int structSize)
    {
        Assert.Empty(CCompiler.CompileErrors(Assertions("struct iovec", "#include <sys/uio.h>", 16, [("iov_base", 0, 8)])));
        Assert.NotEmpty(CCompiler.CompileErrors(
            Assertions("struct iovec", "#include <sys/uio.h>", structSize, [(member, offset, size)])));
    }

    private static void Prove<T>(string structure, string header, params (string Field, string Member)[] names)
        where T : unmanaged
    {
        FieldInfo[] fields = typeof(T).GetFields(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance);
        Assert.Equal(fields.Select(field => field.Name).Order(), names.Select(pair => pair.Field).Order());
        Assert.Empty(CCompiler.CompileErrors(Assertions(structure, header, Unsafe.SizeOf<T>(), names.Select(pair =>
        {
            (int offset, int size) = Locate<T>(fields.Single(field => field.Name == pair.Field));
            return (pair.Member, offset, size);
        }))));
    }

    private static string Assertions(
        string structure, string header, int? size, IEnumerable<(string Member, int Offset, int Size)> members)
    {
        StringBuilder program = new();
        program.AppendLine("#define _GNU_SOURCE").AppendLine(header).AppendLine("#include <stddef.h>");
        if (size is not null)
        {
            program.AppendLine($"_Static_assert(sizeof({structure}) == {size}, \"size\");");
        }

        foreach ((string member, int offset, int length) in members)
        {
            program.AppendLine(
                $"_Static_assert(offsetof({structure}, {member}) == {offset}, \"offset of {member}\");");
            program.AppendLine(
                $"_Static_assert(sizeof((({structure} *)0)->{member}) == {length}, \"size of {member}\");");
        }

        return program.ToString();
    }

    /// <summary>
    /// Returns the offset of a field in the memory that the kernel reads: all bits of the field are set, and the bytes
    /// that changed are the field.
    /// </summary>
    private static (int Offset, int Size) Locate<T>(FieldInfo field)
        where T : unmanaged
    {
        object boxed = default(T);
        field.SetValue(boxed, AllBits(field.FieldType));
        T value = (T)boxed;
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value));
        int offset = bytes.IndexOf((byte)0xff);
        return (offset, bytes[offset..].Count((byte)0xff));
    }

    private static object AllBits(Type type) => type.IsEnum
        ? Enum.ToObject(type, AllBits(Enum.GetUnderlyingType(type)))
        : Type.GetTypeCode(type) switch
        {
            TypeCode.Int16 => (short)-1,
            TypeCode.UInt16 => ushort.MaxValue,
            TypeCode.Int32 => -1,
            TypeCode.UInt32 => uint.MaxValue,
            TypeCode.Int64 => -1L,
            TypeCode.UInt64 => ulong.MaxValue,
            _ when type == typeof(nuint) => nuint.MaxValue,
            _ => throw new NotSupportedException($"{type} needs a line here"),
        };
}
