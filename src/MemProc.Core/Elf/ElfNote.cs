namespace MemProc;

/// <summary>A note of an ELF file: something that its linker, or the kernel, has to say about it.</summary>
/// <param name="Owner">Who defined what the type means: <c>GNU</c>, <c>CORE</c>, <c>LINUX</c>…</param>
/// <param name="Type">The kind of note.</param>
/// <param name="Content">What it says.</param>
public sealed record ElfNote(string Owner, uint Type, byte[] Content);
