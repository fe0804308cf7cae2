namespace MemProc;

/// <summary>An entry of the dynamic section: what the dynamic linker has to know (<c>Elf64_Dyn</c> of elf(5)).</summary>
/// <param name="Tag">What it is about.</param>
/// <param name="Value">An address of the image, a size, or an offset in the string table.</param>
/// <param name="Text">The string that it points to, for the tags that do; else null.</param>
public sealed record ElfDynamicEntry(ElfDynamicTag Tag, ulong Value, string? Text);
