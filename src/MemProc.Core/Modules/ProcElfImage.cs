using MemProc.Interop;

namespace MemProc;

/// <summary>An ELF image at one of the places where a process has loaded it.</summary>
public sealed class ProcElfImage
{
    private ProcElfImage(ElfFile file, ProcessIdentity process, ProcMap[] maps, ulong? loadBias)
    {
        File = file;
        Process = process;
        Maps = maps;
        LoadBias = loadBias;
    }

    /// <summary>The image; it is closed when the next one is asked for.</summary>
    public ElfFile File { get; }

    /// <summary>What is to be added to an address of the image; null where it is mapped as plain data.</summary>
    public ulong? LoadBias { get; }

    /// <summary>Start of its first mapping.</summary>
    public ulong Start => Maps[0].Start;

    /// <summary>The header.</summary>
    /// <inheritdoc cref="ElfFile.Header" path="/exception"/>
    public ProcElfHeader Header => new(File.Header, this);

    /// <summary>The program headers with their sections.</summary>
    /// <inheritdoc cref="ElfFile.SegmentsWithSections" path="/exception"/>
    public IEnumerable<ProcElfSegment> Segments =>
        File.SegmentsWithSections().Select(segment => new ProcElfSegment(segment, this));

    /// <summary>The sections.</summary>
    /// <inheritdoc cref="ElfFile.Sections" path="/exception"/>
    public IEnumerable<ProcElfSection> Sections => File.Sections.Select(section => new ProcElfSection(section, this));

    /// <summary>Which process has it.</summary>
    internal ProcessIdentity Process { get; }

    /// <summary>The mappings of it.</summary>
    internal ProcMap[] Maps { get; }

    /// <summary>
    /// The images of a process, in the order of their addresses. One that is loaded several times comes several times;
    /// a file that is mapped as plain data comes where it was asked for.
    /// </summary>
    /// <param name="process">The process.</param>
    /// <param name="path">Decides by the mapping's path; null: every path.</param>
    /// <param name="address">Only the image that has this address mapped; null: all.</param>
    /// <param name="tell">Takes what failed with one of them.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="MemProcException">
    /// ReadMaps; FindMap, ENOENT: nothing is mapped at the address; ReadElf, ENOEXEC: what is mapped there is none.
    /// </exception>
    public static IEnumerable<ProcElfImage> Open(
        LinuxProcess process, Func<string, bool>? path, ulong? address, Action<MemProcException> tell,
        CancellationToken cancellation = default)
    {
        ProcMap[] all = [.. MapReader.Read(process, cancellation)];
        if (address is ulong held)
        {
            ProcMap map = Array.Find(all, map => map.Start <= held && held < map.End)
                ?? throw MapReader.NotMapped(process, held);
            ProcMap[] maps = ElfImages.Of(map, all);
            if (maps.Length == 0)
            {
                throw new MemProcException(Operation.ReadElf, Errno.ENOEXEC,
                    $"Process {process.Identity}: what is mapped at 0x{held:x} is no file.", held);
            }

            using ElfFile file = ElfImages.Open(process, maps, cancellation);
            yield return At(file, process, maps, ElfImages.LoadBias(file, maps, map));
            yield break;
        }

        HashSet<(string, ulong, string)> seen = [];
        foreach (ProcMap map in all)
        {
            if (!ElfImages.CanHold(map) || (path is not null && !path(map.Path))
                || !seen.Add((map.Device, map.Inode, map.Inode == 0 ? map.Path : string.Empty)))
            {
                continue;
            }

            ProcMap[] maps = ElfImages.Of(map, all);
            using ElfFile? file = Open(process, maps, tell, cancellation);
            ulong[] places = file is null ? [] : Places(file, maps, tell);
            foreach (ulong bias in places)
            {
                yield return At(file!, process, maps, bias);
            }

            if (file is not null && places.Length == 0 && path is not null)
            {
                yield return At(file, process, maps, null);
            }
        }
    }

    /// <summary>The symbols of a table.</summary>
    /// <inheritdoc cref="ElfFile.Symbols"/>
    public IEnumerable<ProcElfSymbol> Symbols(ElfSymbolSource kind) =>
        File.Symbols(kind).Select(symbol => new ProcElfSymbol(symbol, this));

    /// <summary>Where in the process an address of the image is.</summary>
    internal ulong? AddressOf(ulong value) => unchecked(value + LoadBias);

    private static ProcElfImage At(ElfFile file, LinuxProcess process, ProcMap[] maps, ulong? bias) => new(
        file, process.Identity,
        [.. maps.Where(map => bias is null || ElfImages.LoadBias(file, maps, map) == bias)], bias);

    /// <summary>The image; null where the file is none, as much of what a process maps.</summary>
    private static ElfFile? Open(
        LinuxProcess process, ProcMap[] maps, Action<MemProcException> tell, CancellationToken cancellation)
    {
        try
        {
            return ElfImages.Open(process, maps, cancellation);
        }
        catch (MemProcException error)
        {
            if (error.Errno != Errno.ENOEXEC)
            {
                tell(error);
            }

            return null;
        }
    }

    private static ulong[] Places(ElfFile file, ProcMap[] maps, Action<MemProcException> tell)
    {
        try
        {
            return ElfImages.LoadBiases(file, maps);
        }
        catch (MemProcException error)
        {
            tell(error);
            return [];
        }
    }
}
