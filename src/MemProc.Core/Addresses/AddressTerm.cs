using System.Globalization;
using MemProc.Interop;

namespace MemProc;

/// <summary>A part of an address expression.</summary>
internal abstract record AddressTerm
{
    /// <summary>The number that it stands for in a process.</summary>
    /// <param name="modules">The process' files.</param>
    /// <exception cref="MemProcException">ResolveAddress: there is nothing of that name, or there are several.</exception>
    public abstract ulong In(ProcModules modules);

    /// <summary>Where a sum begins that takes something away.</summary>
    public virtual ulong TopIn(ProcModules modules) => In(modules);

    protected static MemProcException Missing(ProcModules modules, string what) =>
        new(Operation.ResolveAddress, Errno.ENOENT, $"Process {modules.Process.Identity} {what}", modules.Process.Id);

    protected static MemProcException Ambiguous(ProcModules modules, string what, IEnumerable<string> candidates) => new(
        Operation.ResolveAddress, Errno.EINVAL, $"Process {modules.Process.Identity} has several that could be meant by {what}: "
        + $"{string.Join("; ", candidates.Select(SafeText.Escape))}.", modules.Process.Id);
}

/// <summary>A number.</summary>
internal sealed record AddressNumber(ulong Value) : AddressTerm
{
    public override ulong In(ProcModules modules) => Value;
}

/// <summary>Two terms, added or taken away.</summary>
internal sealed record AddressSum(AddressTerm Left, bool IsMinus, AddressTerm Right) : AddressTerm
{
    public override ulong In(ProcModules modules)
    {
        ulong left = IsMinus ? Left.TopIn(modules) : Left.In(modules);
        ulong right = Right.In(modules);
        ulong sum = unchecked(IsMinus ? left - right : left + right);
        return (IsMinus ? right <= left : sum >= left) ? sum : throw new MemProcException(Operation.ResolveAddress, Errno.EINVAL,
            $"0x{left:x} {(IsMinus ? '-' : '+')} 0x{right:x} lies outside of the address space.", modules.Process.Id);
    }
}

/// <summary>The pointer that stands at an address.</summary>
internal sealed record AddressPointer(AddressTerm Place) : AddressTerm
{
    public override ulong In(ProcModules modules) => modules.ReadPointer(Place.In(modules));
}

/// <summary>
/// A mapping by the kernel's name for it: its first address. A stack grows downwards: what is taken away from one is
/// counted from its upper end.
/// </summary>
internal sealed record AddressArea(string Name) : AddressTerm
{
    public override ulong In(ProcModules modules) => Find(modules).Start;

    public override ulong TopIn(ProcModules modules) =>
        Find(modules) is { Kind: ProcMapKind.Stack } stack ? stack.End : In(modules);

    private ProcMap Find(ProcModules modules)
    {
        ProcMap[] found = [.. modules.Maps.Where(map => map.Path == Name)];
        // The heap can lie in pieces, where a part of it has other permissions.
        bool isInPieces = found is [{ Kind: ProcMapKind.Heap }, ..];
        return found.Length == 0
            ? throw Missing(modules, $"has no mapping named {SafeText.Escape(Name)}."
                + NearNames.Suggest(Name, modules.Maps.Select(map => map.Path).Where(path => path.StartsWith('['))))
            : found.Length == 1 || isInPieces ? found[0]
            : throw Ambiguous(modules, SafeText.Escape(Name), found.Select(map => map.ToString()));
    }
}

/// <summary>An entry of the auxiliary vector.</summary>
internal sealed record AddressAuxiliary(string Name, ulong Type) : AddressTerm
{
    public override ulong In(ProcModules modules)
    {
        foreach ((ulong type, ulong value) in modules.Auxiliary)
        {
            if (type == Type)
            {
                return value;
            }
        }

        IEnumerable<string> known = modules.Auxiliary.Select(entry =>
            AuxiliaryVector.Names.FirstOrDefault(name => name.Type == entry.Type).Name
            ?? entry.Type.ToString(CultureInfo.InvariantCulture));
        throw Missing(modules, $"was started without {Name}. It has {string.Join(", ", known)}.");
    }
}

/// <summary>A mapped file: where it is loaded, or where its first mapping is.</summary>
internal sealed record AddressFile(string Name) : AddressTerm
{
    public override ulong In(ProcModules modules) => Find(modules, Name).Start;

    /// <summary>The place where a file is loaded.</summary>
    /// <param name="modules">The process' files.</param>
    /// <param name="name">Its name or path; null: the main program.</param>
    public static LoadedModule Find(ProcModules modules, string? name)
    {
        if (name is null)
        {
            return modules.Main is ProcModule main ? Only(modules, "the main program", [main])
                : throw Missing(modules, "has no main program that can be found: neither its auxiliary vector nor its "
                    + "mappings tell.");
        }

        ProcModule[] found = [.. modules.Named(name)];
        if (found.Length > 0)
        {
            return Only(modules, SafeText.Escape(name), found);
        }

        string hint = modules.Main?.HasSymbol(name) == true
            ? $" Its main program has a symbol of that name: write !{SafeText.Escape(name)}."
            : NearNames.Suggest(name, modules.All.Select(module => module.Name));
        throw Missing(modules, $"has no file named {SafeText.Escape(name)} mapped.{hint}");
    }

    private static LoadedModule Only(ProcModules modules, string what, ProcModule[] found)
    {
        // A file that is mapped as data only is not meant where another of that name is loaded.
        ProcModule[] loaded = Array.FindAll(found, module => module.Places.Any(place => place.IsLoaded));
        LoadedModule[] places = [.. (loaded.Length > 0 ? loaded : found).SelectMany(module => module.Places)];
        return places.Length == 1 ? places[0] : throw Ambiguous(modules, what, places.Select(place => place.ToString()));
    }
}

/// <summary>A section of a file.</summary>
internal sealed record AddressSection(string? File, string Name) : AddressTerm
{
    public override ulong In(ProcModules modules)
    {
        LoadedModule place = AddressFile.Find(modules, File);
        ElfSection[] sections = [.. place.Module.NeedImage().Sections.Where(section => section.IsLoaded)];
        ElfSection[] found = Array.FindAll(sections, section => section.Name == Name);
        return found.Length == 1 ? place.AddressOf(found[0].VirtualAddress)
            : found.Length > 1 ? throw Ambiguous(modules, $"{SafeText.Escape(place.Module.Name)}!{SafeText.Escape(Name)}",
                found.Select(section => $"section {section.Index} at 0x{place.AddressOf(section.VirtualAddress):x}"))
            : sections.Length == 0 ? throw Missing(modules,
                $"has loaded {SafeText.Escape(place.Module.Name)}, whose section headers cannot be had.")
            : throw Missing(modules, $"has loaded {SafeText.Escape(place.Module.Name)}, which has no section "
                + $"{SafeText.Escape(Name)}.{NearNames.Suggest(Name, sections.Select(section => section.Name))}");
    }
}

/// <summary>A symbol of a file.</summary>
internal sealed record AddressSymbol(string? File, string Name) : AddressTerm
{
    public override ulong In(ProcModules modules)
    {
        LoadedModule place = AddressFile.Find(modules, File);
        string what = $"{SafeText.Escape(place.Module.Name)}!{SafeText.Escape(Name)}";
        ElfSymbol[] found = place.Module.SymbolsNamed(Name);
        if (found.Length == 0)
        {
            throw Missing(modules, $"has loaded {SafeText.Escape(place.Module.Name)}, which has no symbol "
                + $"{SafeText.Escape(Name)}.{NearNames.Suggest(Name, place.Module.SymbolNames())}");
        }

        if (found.All(symbol => symbol.Type == ElfSymbolType.Tls))
        {
            throw Missing(modules, $"has {what} once in each thread: it has no address of its own.");
        }

        ElfSymbol[] places = [.. found.Where(symbol => symbol.Type != ElfSymbolType.Tls).DistinctBy(symbol => symbol.Value)];
        return places.Length == 1 ? place.AddressOf(places[0].Value)
            : throw Ambiguous(modules, what,
                places.Select(symbol => $"{symbol.VersionedName} at 0x{place.AddressOf(symbol.Value):x}"));
    }
}
