using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Makes a type of memory of its name: Int32, <c>char[16]</c>.</summary>
public sealed class MemoryTypeTransformationAttribute : ValueTransformationAttribute
{
    private protected override object Make(object? given) => given switch
    {
        MemoryType type => type,
        MemoryValueType type => MemoryType.Of(type),
        _ => MemoryType.Parse(LanguagePrimitives.ConvertTo<string>(given)),
    };
}
