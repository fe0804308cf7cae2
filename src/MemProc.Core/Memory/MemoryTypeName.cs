namespace MemProc;

/// <summary>
/// The names of types: those of <see cref="MemoryValueType"/>, and those that C programs use on Linux.
/// </summary>
public static class MemoryTypeName
{
    private static readonly Dictionary<string, MemoryValueType> Names = All();

    /// <summary>The names of C whose types have the size of a pointer.</summary>
    private static readonly HashSet<string> Longs =
    [
        "long", "long int", "ssize_t", "intptr", "intptr_t", "nint", "ptrdiff_t",
        "ulong", "unsigned long", "size_t", "uintptr", "uintptr_t", "nuint",
    ];

    /// <summary>The names that completion offers first.</summary>
    public static IReadOnlyList<string> Common { get; } =
    [
        .. Enum.GetNames<MemoryValueType>(), "char[16]", "byte[16]", "char*",
    ];

    /// <summary>The part of an error message that lists valid types.</summary>
    internal static string Advice { get; } = "Types are "
        + string.Join(", ", Enum.GetValues<MemoryValueType>().Select(type => type.ToString().ToLowerInvariant()))
        + ", names of C such as int, unsigned long, size_t and char (one byte), with be or le after a number for its "
        + "byte order; char[16] is a string of 16 bytes, int32[4] an array, char* a pointer to a string, "
        + "any other * a pointer.";

    /// <summary>Finds the type of a name; null where there is none.</summary>
    internal static KnownType? Find(string name)
    {
        string plain = string.Join(' ', name.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
            .Where(word => word is not ("const" or "volatile"))).ToLowerInvariant();
        if (plain.EndsWith('*'))
        {
            bool isText = plain[..^1].TrimEnd() is "char" or "char8";
            return IsName(plain.TrimEnd('*', ' ')) ? new KnownType(MemoryValueType.Pointer, null, isText, IsLong: false) : null;
        }

        if (Names.TryGetValue(plain, out MemoryValueType value))
        {
            return new KnownType(value, null, IsTextPointer: false, Longs.Contains(plain));
        }

        bool isBig = plain.EndsWith("be", StringComparison.Ordinal);
        return (isBig || plain.EndsWith("le", StringComparison.Ordinal))
            && Names.TryGetValue(plain[..^2], out value) && MemoryValue.SizeOf(value) > 1
            ? new KnownType(value, isBig, IsTextPointer: false, Longs.Contains(plain[..^2]))
            : null;
    }

    /// <summary>Whether it can be the name of a type that a pointer points to.</summary>
    private static bool IsName(string text) => text.Length > 0
        && text.All(character => char.IsAsciiLetterOrDigit(character) || character is '_' or ' ');

    private static Dictionary<string, MemoryValueType> All()
    {
        Dictionary<string, MemoryValueType> names = Enum.GetValues<MemoryValueType>()
            .ToDictionary(type => type.ToString().ToLowerInvariant());
        Add(MemoryValueType.SByte, "int8", "int8_t", "signed char");
        Add(MemoryValueType.Byte, "uint8", "uint8_t", "unsigned char", "uchar");
        Add(MemoryValueType.Int16, "int16_t", "short", "short int");
        Add(MemoryValueType.UInt16, "uint16_t", "ushort", "unsigned short");
        Add(MemoryValueType.Int32, "int32_t", "int", "signed int");
        Add(MemoryValueType.UInt32, "uint32_t", "uint", "unsigned", "unsigned int");
        Add(MemoryValueType.Int64, "int64_t", "long", "long int", "long long", "ssize_t", "intptr", "intptr_t", "nint",
            "ptrdiff_t");
        Add(MemoryValueType.UInt64, "uint64_t", "ulong", "unsigned long", "unsigned long long", "size_t", "uintptr",
            "uintptr_t", "nuint");
        Add(MemoryValueType.Int128, "__int128");
        Add(MemoryValueType.UInt128, "unsigned __int128");
        Add(MemoryValueType.Half, "_float16");
        Add(MemoryValueType.Single, "float");
        Add(MemoryValueType.Bool, "_bool", "boolean");
        Add(MemoryValueType.Char8, "char", "char8_t");
        Add(MemoryValueType.Char16, "char16_t");
        Add(MemoryValueType.Pointer, "ptr");
        return names;

        void Add(MemoryValueType type, params string[] more)
        {
            foreach (string name in more)
            {
                names.Add(name, type);
            }
        }
    }
}

/// <summary>What a name of a type stands for.</summary>
/// <param name="Value">The type, in 64-bit programs.</param>
/// <param name="IsBigEndian">The byte order; null where the name has none.</param>
/// <param name="IsTextPointer">It is a pointer to a string.</param>
/// <param name="IsLong">It has the size of a pointer, as C's long.</param>
internal sealed record KnownType(MemoryValueType Value, bool? IsBigEndian, bool IsTextPointer, bool IsLong);
