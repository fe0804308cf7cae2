using System.Globalization;
using System.Numerics;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Finds what blocks of memory are reserved for (migrate types). The kernel keeps four or eight bits for each block, with
/// each section of memory (<c>include/linux/mmzone.h</c>).
/// </summary>
internal sealed class MigrateTypes
{
    /// <summary>The number of a type that is not known.</summary>
    public const byte Unknown = byte.MaxValue;

    private const int TypeMask = 7;

    private readonly KernelReader _reader;
    private readonly ulong _roots;
    private readonly ulong _rootCount;
    private readonly ulong _sectionsInRoot;
    private readonly int _sectionShift;
    private readonly int _blockShift;
    private readonly int _blockBits;
    private readonly byte[] _flags;
    private ulong _section = ulong.MaxValue;
    private bool _isRead;

    private MigrateTypes(
        KernelReader reader, ulong roots, ulong rootCount, ulong sectionsInRoot, int sectionShift, int blockShift)
    {
        _reader = reader;
        _roots = roots;
        _rootCount = rootCount;
        _sectionsInRoot = sectionsInRoot;
        _sectionShift = sectionShift;
        _blockShift = blockShift;
        _blockBits = reader.Layout.Frames.BlockBits;
        _flags = new byte[Math.Max((1 << (sectionShift - blockShift)) * _blockBits / 8, sizeof(ulong))];
    }

    /// <summary>
    /// Prepares a search; null where the kernel does not show where it keeps the types (vmcoreinfo), or does not use
    /// sections.
    /// </summary>
    /// <param name="reader">The kernel's memory.</param>
    public static MigrateTypes? Create(KernelReader reader)
    {
        FrameLayout layout = reader.Layout.Frames;
        VmcoreInfo info = reader.VmcoreInfo;
        if (layout is not { SectionBytes: int size and > 0, SectionUsage: not null, BlockFlags: not null }
            || info.Symbol("mem_section") is not ulong roots || info.Length("mem_section") is not ulong count
            || info.Number("SECTION_SIZE_BITS") is not ulong sectionBits || info.Number("MAX_PHYSMEM_BITS") is not ulong physicalBits
            || BlockOrder(reader.Files) is not int blockOrder)
        {
            return null;
        }

        int pageShift = BitOperations.Log2(MachinePage.SizeBytes);
        // With SPARSEMEM_EXTREME sections are in pages that are allocated when they are needed.
        ulong inRoot = (1UL << (int)(physicalBits - sectionBits)) / count;
        return new MigrateTypes(reader, roots, count, inRoot, (int)sectionBits - pageShift, blockOrder);
    }

    /// <summary>Forgets what may have changed.</summary>
    public void Refresh() => _section = ulong.MaxValue;

    /// <summary>Returns the number of the type of the block of a frame; <see cref="Unknown"/> if it cannot be read.</summary>
    public byte Of(ulong pfn)
    {
        ulong section = pfn >> _sectionShift;
        if (section != _section)
        {
            _section = section;
            _isRead = TryReadSection(section);
        }

        if (!_isRead)
        {
            return Unknown;
        }

        int bit = (int)(pfn - (section << _sectionShift) >> _blockShift) * _blockBits;
        int bits = _flags[bit / 8] >> (bit % 8);
        // From Linux 6.16 a block that is isolated keeps its type, and has a bit of its own.
        return _reader.Layout.Frames.IsolateBit is uint isolate && (bits >> (int)isolate & 1) != 0
            ? _reader.Layout.Frames.IsolateType
            : (byte)(bits & TypeMask);
    }

    private bool TryReadSection(ulong section)
    {
        FrameLayout layout = _reader.Layout.Frames;
        ulong root = section / _sectionsInRoot;
        ulong table = _roots;
        if (root >= _rootCount || (_sectionsInRoot > 1 && !_reader.TryReadUInt64(_roots, (int)root * sizeof(ulong), out table)))
        {
            return false;
        }

        ulong index = _sectionsInRoot > 1 ? section % _sectionsInRoot : section;
        return table != 0
            && _reader.TryReadUInt64(table + index * (ulong)layout.SectionBytes!.Value, layout.SectionUsage!.Value, out ulong usage)
            && usage != 0
            && _reader.TryRead(usage + (ulong)layout.BlockFlags!.Value, _flags) == Errno.None;
    }

    private static int? BlockOrder(KernelFiles files)
    {
        const string Name = "Page block order:";
        try
        {
            string? line = File.ReadLines($"{files.Proc}/pagetypeinfo")
                .FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal));
            return line is not null && int.TryParse(line.AsSpan(Name.Length), CultureInfo.InvariantCulture, out int order)
                ? order
                : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
