using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests BTF, the kernel's description of its structures.</summary>
public sealed class BtfTypesTests
{
    [Fact]
    public void Members_are_found_through_anonymous_structures_typedefs_and_qualifiers()
    {
        BtfBlob btf = new();
        uint word = btf.Integer("unsigned long", 8);
        uint size = btf.Alias("size_t", btf.Constant(word));
        uint inner = btf.Structure("", 16, ("first", 0, size), ("second", 8, size));
        uint either = btf.Union("", 16, ("", 0, inner), ("other", 0, word));
        uint list = btf.Structure("list", 16, ("next", 0, word), ("array", 8, btf.Array(word, 15)));
        btf.Structure("unwanted", 8, ("x", 0, word));
        btf.Structure("outer", 64, ("lead", 0, word), ("", 8, either), ("list", 24, btf.Alias("list_t", list)));
        btf.BitStructure("bits", 8, ("low", 0, word), ("high", 4, word));
        BtfTypes types = new(btf.ToBytes(), ["outer", "bits", "missing"]);
        Assert.Equal(64, types.SizeOf("outer"));
        Assert.Equal((0, 8, 16, 8, 24), (types.OffsetOf("outer", "lead"), types.OffsetOf("outer", "first"),
            types.OffsetOf("outer", "second"), types.OffsetOf("outer", "other"), types.OffsetOf("outer", "list")));
        Assert.Equal((32, 15), (types.OffsetOf("outer", "list.array"), types.CountOf("outer", "list.array")));
        Assert.Equal((true, false), (types.IsStructure("outer", "list"), types.IsStructure("outer", "lead")));
        Assert.Equal(4, types.OffsetOf("bits", "high"));
        Assert.Null(types.OffsetOf("outer", "lea"));
        Assert.Null(types.OffsetOf("outer", "lead.next"));
        Assert.Null(types.CountOf("outer", "lead"));
        Assert.Null(types.SizeOf("missing"));
        Assert.Null(types.SizeOf("unwanted"));
    }

    [Fact]
    public void A_structure_that_contains_itself_ends_the_search()
    {
        BtfBlob btf = new();
        btf.Structure("loop", 8, ("", 0, 1), ("", 0, 1));
        Assert.Null(new BtfTypes(btf.ToBytes(), ["loop"]).OffsetOf("loop", "x"));
    }

    [Fact]
    public void Truncated_or_invalid_BTF_is_rejected()
    {
        BtfBlob btf = new();
        uint word = btf.Integer("long", 8);
        btf.Structure("outer", 16, ("first", 0, word), ("second", 8, word));
        byte[] whole = btf.ToBytes();
        Assert.Equal(8, new BtfTypes(whole, ["outer"]).OffsetOf("outer", "second"));
        for (int length = 0; length < whole.Length; length++)
        {
            Assert.Throws<FormatException>(() => new BtfTypes(whole[..length], ["outer"]));
        }

        byte[] other = [.. whole];
        other[0] = 0xeb;
        Assert.Throws<FormatException>(() => new BtfTypes(other, ["outer"]));
        // The members of the last structure extend beyond the type section.
        other = [.. whole];
        other[24 + 16 + 4] = 200;
        Assert.Throws<FormatException>(() => new BtfTypes(other, ["outer"]));
    }

    [Fact]
    public void BTF_of_the_running_kernel_is_read()
    {
        const string Path = "/sys/kernel/btf/vmlinux";
        Assert.SkipUnless(File.Exists(Path), "needs a kernel with CONFIG_DEBUG_INFO_BTF");
        BtfTypes types = new(File.ReadAllBytes(Path), ["list_head", "mm_struct", "vm_area_struct"]);
        Assert.Equal((16, 0, 8), (types.SizeOf("list_head"), types.OffsetOf("list_head", "next"),
            types.OffsetOf("list_head", "prev")));
        Assert.Equal((0, 8), (types.OffsetOf("vm_area_struct", "vm_start"), types.OffsetOf("vm_area_struct", "vm_end")));
        Assert.NotNull(types.OffsetOf("mm_struct", "pgd"));
        Assert.Null(types.OffsetOf("mm_struct", "no_such_member"));
    }
}
