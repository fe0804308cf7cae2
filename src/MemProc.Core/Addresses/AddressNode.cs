using System.Globalization;
using MemProc.Interop;

namespace MemProc;

/// <summary>A node of an address expression.</summary>
internal abstract record AddressNode
{
    /// <summary>Returns the number that the node stands for in a process.</summary>
    /// <param name="images">The mapped files of the process.</param>
    /// <exception cref="MemProcException">
    /// ResolveAddress: ENOENT where the process has nothing of that name, EINVAL where it has several.
    /// </exception>
    public abstract ulong Evaluate(MappedImages images);

    /// <summary>Returns the number from which something is subtracted.</summary>
    public virtual ulong EvaluateTop(MappedImages images) => Evaluate(images);

    protected static MemProcException Missing(MappedImages images, string what) =>
        new(Operation.ResolveAddress, Errno.ENOENT, $"Process {images.Process.Identity} {what}", images.Process.Id);

    protected static MemProcException Ambiguous(MappedImages images, string what, IEnumerable<string> candidates) => new(
        Operation.ResolveAddress, Errno.EINVAL, $"Process {images.Process.Identity}: {what} is ambiguous. It can be "
        + $"{string.Join("; ", candidates.Select(SafeText.Escape))}.", images.Process.Id);
}

/// <summary>A number.</summary>
internal sealed record NumberNode(ulong Value) : AddressNode
{
    public override ulong Evaluate(MappedImages images) => Value;
}

/// <summary>A sum or a difference of two terms.</summary>
internal sealed record SumNode(AddressNode Left, bool IsMinus, AddressNode Right) : AddressNode
{
    public override ulong Evaluate(MappedImages images)
    {
        ulong left = IsMinus ? Left.EvaluateTop(images) : Left.Evaluate(images);
        ulong right = Right.Evaluate(images);
        ulong sum = unchecked(IsMinus ? left - right : left + right);
        return (IsMinus ? right <= left : sum >= left) ? sum : throw new MemProcException(Operation.ResolveAddress, Errno.EINVAL,
            $"0x{left:x} {(IsMinus ? '-' : '+')} 0x{right:x} is outside the address space.", images.Process.Id);
    }
}

/// <summary>The pointer at an address.</summary>
internal sealed record DereferenceNode(AddressNode Operand) : AddressNode
{
    public override ulong Evaluate(MappedImages images) => images.ReadPointer(Operand.Evaluate(images));
}

/// <summary>
/// The first address of a mapping that the kernel has named. A stack grows downwards: what is subtracted from one is
/// counted from its end.
/// </summary>
internal sealed record SpecialMappingNode(string Name) : AddressNode
{
    public override ulong Evaluate(MappedImages images) => Find(images).Start;

    public override ulong EvaluateTop(MappedImages images) =>
        Find(images) is { Kind: ProcMapKind.Stack } stack ? stack.End : Evaluate(images);

    private ProcMap Find(MappedImages images)
    {
        ProcMap[] found = [.. images.MapsNamed(Name)];
        // The heap consists of several mappings where a part of it has other permissions.
        bool isSplit = found is [{ Kind: ProcMapKind.Heap }, ..];
        return found.Length == 0
            ? throw Missing(images, $"has no mapping named {SafeText.Escape(Name)}."
                + NameSuggestions.Suggest(Name, images.Maps.Select(map => map.Path).Where(path => path.StartsWith('['))))
            : found.Length == 1 || isSplit ? found[0]
            : throw Ambiguous(images, SafeText.Escape(Name), found.Select(map => map.ToString()));
    }
}

/// <summary>An entry of the auxiliary vector.</summary>
internal sealed record AuxiliaryVectorNode(string Name, ulong Type) : AddressNode
{
    public override ulong Evaluate(MappedImages images)
    {
        foreach ((ulong type, ulong value) in images.Auxiliary)
        {
            if (type == Type)
            {
                return value;
            }
        }

        IEnumerable<string> known = images.Auxiliary.Select(entry =>
            AuxiliaryVector.NameOf(entry.Type) ?? entry.Type.ToString(CultureInfo.InvariantCulture));
        throw Missing(images, $"has no {Name} in its auxiliary vector. It has {string.Join(", ", known)}.");
    }
}

/// <summary>A mapped file: where it is loaded, or where its first mapping is.</summary>
internal sealed record FileNode(string Name) : AddressNode
{
    public override ulong Evaluate(MappedImages images) => Find(images, Name).Start;

    /// <summary>Finds the place where a file is loaded.</summary>
    /// <param name="images">The mapped files of the process.</param>
    /// <param name="name">Name or path of the file; null: the main program.</param>
    public static MappedImage Find(MappedImages images, string? name)
    {
        if (name is null)
        {
            return images.Main is MappedFile main ? Single(images, "the main program", [main])
                : throw Missing(images, "has no main program that its auxiliary vector or its mappings show.");
        }

        MappedFile[] found = [.. images.Named(name)];
        if (found.Length > 0)
        {
            return Single(images, SafeText.Escape(name), found);
        }

        string hint = images.Main?.HasSymbol(name) == true
            ? $" Its main program has a symbol of that name: write !{SafeText.Escape(name)}."
            : NameSuggestions.Suggest(name, images.Files.Select(file => file.Name));
        throw Missing(images, $"has not mapped a file named {SafeText.Escape(name)}.{hint}");
    }

    private static MappedImage Single(MappedImages images, string what, MappedFile[] files)
    {
        // A file that is mapped as data is not meant where another of that name is loaded.
        MappedFile[] loaded = Array.FindAll(files, file => file.Images.Any(image => image.IsLoaded));
        MappedImage[] found = [.. (loaded.Length > 0 ? loaded : files).SelectMany(file => file.Images)];
        return found.Length == 1 ? found[0] : throw Ambiguous(images, what, found.Select(image => image.ToString()));
    }
}

/// <summary>A section of a file.</summary>
internal sealed record SectionNode(string? File, string Name) : AddressNode
{
    public override ulong Evaluate(MappedImages images)
    {
        MappedImage image = FileNode.Find(images, File);
        string file = SafeText.Escape(image.File.Name);
        ElfSection[] sections = [.. image.Elf.Sections.Where(section => section.IsLoaded)];
        ElfSection[] found = Array.FindAll(sections, section => section.Name == Name);
        return found.Length == 1 ? image.AddressOf(found[0].VirtualAddress)
            : found.Length > 1 ? throw Ambiguous(images, $"{file}!{SafeText.Escape(Name)}",
                found.Select(section => $"section {section.Index} at 0x{image.AddressOf(section.VirtualAddress):x}"))
            : sections.Length == 0 ? throw Missing(images, $"has loaded {file}, but its section headers cannot be read.")
            : throw Missing(images, $"has loaded {file}, which has no section "
                + $"{SafeText.Escape(Name)}.{NameSuggestions.Suggest(Name, sections.Select(section => section.Name))}");
    }
}

/// <summary>A symbol of a file.</summary>
internal sealed record SymbolNode(string? File, string Name) : AddressNode
{
    public override ulong Evaluate(MappedImages images)
    {
        MappedImage image = FileNode.Find(images, File);
        return image.AddressOf(Find(images, image).Value);
    }

    /// <summary>Returns the size of the symbol in bytes; null where the symbol table has none.</summary>
    public ulong? SizeIn(MappedImages images) =>
        Find(images, FileNode.Find(images, File)).SizeBytes is > 0 and ulong size ? size : null;

    private ElfSymbol Find(MappedImages images, MappedImage image)
    {
        string file = SafeText.Escape(image.File.Name);
        string what = $"{file}!{SafeText.Escape(Name)}";
        ElfSymbol[] found = image.File.SymbolsNamed(Name);
        if (found.Length == 0)
        {
            throw Missing(images, $"has loaded {file}, which has no symbol "
                + $"{SafeText.Escape(Name)}.{NameSuggestions.Suggest(Name, image.File.SymbolNames())}");
        }

        if (found.All(symbol => symbol.Type == ElfSymbolType.Tls))
        {
            throw Missing(images, $"has one {what} per thread: it has no address of its own.");
        }

        ElfSymbol[] distinct =
            [.. found.Where(symbol => symbol.Type != ElfSymbolType.Tls).DistinctBy(symbol => symbol.Value)];
        return distinct.Length == 1 ? distinct[0]
            : throw Ambiguous(images, what,
                distinct.Select(symbol => $"{symbol.VersionedName} at 0x{image.AddressOf(symbol.Value):x}"));
    }
}
