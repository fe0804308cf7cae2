namespace MemProc.Help;

/// <summary>Types as PowerShell writes them.</summary>
internal static class TypeNames
{
    /// <summary>Those of PowerShell's short names that parameters here have.</summary>
    private static readonly Dictionary<string, string> ShortNames = new()
    {
        ["System.Boolean"] = "bool",
        ["System.Byte"] = "byte",
        ["System.Int16"] = "short",
        ["System.UInt16"] = "ushort",
        ["System.Int32"] = "int",
        ["System.UInt32"] = "uint",
        ["System.Int64"] = "long",
        ["System.UInt64"] = "ulong",
        ["System.Single"] = "float",
        ["System.Double"] = "double",
        ["System.String"] = "string",
    };

    /// <summary>The name in a syntax line: <c>ulong</c>, <c>string[]</c>, <c>Encoding</c>.</summary>
    public static string Short(Type type) => type.IsArray
        ? $"{Short(type.GetElementType()!)}[]"
        : ShortNames.GetValueOrDefault(type.FullName!, type.Name);

    /// <summary>The type itself, or what a nullable holds.</summary>
    public static Type WithoutNullable(Type type) =>
        type is { IsGenericType: true, Name: "Nullable`1" } ? type.GetGenericArguments()[0] : type;
}
