using System.Text;

namespace MemProc.Tests;

/// <summary>Tests the syntax of types and structs.</summary>
public sealed class MemoryLayoutTests
{
    [Theory]
    [InlineData("Int32", "int32", 4)]
    [InlineData("unsigned  long", "uint64", 8)]
    [InlineData("const char", "char8", 1)]
    [InlineData("char[16]", "char8[16]", 16)]
    [InlineData("Char16[8]", "char16[8]", 16)]
    [InlineData("uint16be", "uint16be", 2)]
    [InlineData("int32le[3]", "int32le[3]", 12)]
    [InlineData("char*", "char*", 8)]
    [InlineData("const char *", "char*", 8)]
    [InlineData("char**", "pointer", 8)]
    [InlineData("struct list_head *", "pointer", 8)]
    [InlineData("void*[2]", "pointer[2]", 16)]
    [InlineData("double", "double", 8)]
    [InlineData("size_t", "uint64", 8)]
    public void Type_names_are_parsed(string text, string written, int size)
    {
        MemoryType type = MemoryType.Parse(text);
        Assert.Equal((written, size), (type.ToString(), type.SizeBytes));
        Assert.Equal(written, MemoryType.Parse(written).ToString());
    }

    [Theory]
    [InlineData("pionter")]
    [InlineData("")]
    [InlineData("*")]
    [InlineData("int32[0]")]
    [InlineData("int32[-1]")]
    [InlineData("int32[]")]
    [InlineData("bytebe")]
    [InlineData("int64[100000000]")]
    public void Invalid_types_are_rejected(string text) => Assert.Throws<FormatException>(() => MemoryType.Parse(text));

    [Theory]
    [InlineData("int32[2]", "0100000002000000", false, "1, 2")]
    [InlineData("int32[2]", "0100000002000000", true, "16777216, 33554432")]
    [InlineData("int32be", "00000001", false, "1")]
    [InlineData("int32le", "01000000", true, "1")]
    [InlineData("pointer", "0010000000000000", true, "0x1000")]
    [InlineData("pointer[2]", "00100000000000000020000000000000", false, "0x1000, 0x2000")]
    [InlineData("char[8]", "6761720062616400", false, "gar")]
    [InlineData("char16[3]", "410042000000", false, "AB")]
    [InlineData("char16be[2]", "00410042", false, "AB")]
    [InlineData("byte[3]", "676172", false, "67 61 72 |gar|")]
    [InlineData("bool[2]", "0002", false, "False, True")]
    [InlineData("single", "0000c03f", false, "1.5")]
    [InlineData("char[4]", "1b5b6d00", false, "\\x1b[m")]
    public void Bytes_are_converted_to_the_type(string type, string bytes, bool isBigEndian, string shown)
    {
        MemoryType parsed = MemoryType.Parse(type);
        Assert.Equal(shown,
            ValueText.Format(parsed.Decode(Convert.FromHexString(bytes), isBigEndian, Encoding.UTF8), parsed));
    }

    [Theory]
    [InlineData("int32 pid; char[16] name; pointer next", 32, "int32 pid@0; char8[16] name@4; pointer next@24")]
    [InlineData("int pid; char name[16];\n void *next;", 32, "int32 pid@0; char8[16] name@4; pointer next@24")]
    [InlineData("byte a; int64 b; byte c", 24, "byte a@0; int64 b@8; byte c@16")]
    [InlineData("byte a; int64 b@1; byte c", 16, "byte a@0; int64 b@1; byte c@9")]
    [InlineData("uint16be@0x10 port; uint32 address_", 24, "uint16be port@16; uint32 address_@20")]
    [InlineData("unsigned int a; unsigned long long b", 16, "uint32 a@0; uint64 b@8")]
    [InlineData("char *name; char c", 16, "char* name@0; char8 c@8")]
    [InlineData("int32 all@0; byte[4] bytes@0", 4, "int32 all@0; byte[4] bytes@0")]
    [InlineData("byte[3] a; int16[2] b", 8, "byte[3] a@0; int16[2] b@4")]
    public void Structs_have_the_layout_of_C(string text, int size, string written)
    {
        MemoryLayout layout = MemoryLayout.Parse(text);
        Assert.Equal((written, size), (layout.ToString(), layout.SizeBytes));
        Assert.Equal(written, MemoryLayout.Parse(written).ToString());
    }

    [Fact]
    public void Offsets_are_those_of_the_C_compiler()
    {
        string source = """
            #include <stddef.h>
            #include <stdio.h>
            struct s { char a; short b; char c[3]; void *d; float e; long long f; unsigned char g; double h; char i; };
            int main(void) { printf("%zu %zu %zu %zu %zu %zu %zu %zu %zu %zu", offsetof(struct s, a), offsetof(struct s, b),
              offsetof(struct s, c), offsetof(struct s, d), offsetof(struct s, e), offsetof(struct s, f),
              offsetof(struct s, g), offsetof(struct s, h), offsetof(struct s, i), sizeof(struct s)); }
            """;
        using TemporaryFolder folder = new();
        string file = folder.File("s.c", Encoding.UTF8.GetBytes(source));
        string program = Path.Combine(folder.Path, "s");
        Shell.Run(Requires.Tool("gcc"), "-o", program, file);
        MemoryLayout layout = MemoryLayout.Parse(
            "char a; short b; char c[3]; void *d; float e; long long f; unsigned char g; double h; char i;");
        Assert.Equal(Shell.Run(program),
            string.Join(' ', layout.Fields.Select(one => one.Offset).Append(layout.SizeBytes)));
    }

    [Theory]
    [InlineData("", "fields")]
    [InlineData("int32", "'int32' is not a valid field")]
    [InlineData("int32 a; pionter next", "Field 'next': 'pionter' is not a valid type")]
    [InlineData("int32 a; byte A", "Field 'A' is defined twice")]
    [InlineData("int32 processid", "Field 'processid'")]
    [InlineData("int32 a@x", "'x' is not a valid offset")]
    [InlineData("int32 a@-1", "'-1' is not a valid offset")]
    [InlineData("int32 a@99999999", "at most")]
    [InlineData("int32 1a", "is not a valid field")]
    public void An_invalid_struct_is_rejected_with_the_name_of_the_field(string text, string part) =>
        Assert.Contains(part, Assert.Throws<FormatException>(() => MemoryLayout.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void An_unordered_table_needs_offsets()
    {
        Dictionary<string, string> table = new() { ["b"] = "int32@4", ["a"] = "byte @ 0x0" };
        Assert.Equal("byte a@0; int32 b@4", MemoryLayout.Create(table, isOrdered: false).ToString());
        Assert.Equal("int32 b@4; byte a@0", MemoryLayout.Create(table, isOrdered: true).ToString());
        table["c"] = "byte";
        FormatException error = Assert.Throws<FormatException>(() => MemoryLayout.Create(table, isOrdered: false));
        Assert.Contains("Field 'c' has no offset", error.Message, StringComparison.Ordinal);
    }
}
