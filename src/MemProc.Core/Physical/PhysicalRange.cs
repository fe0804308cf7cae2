namespace MemProc;

/// <summary>A range of the machine's physical address space, as <c>/proc/iomem</c> shows it.</summary>
public sealed class PhysicalRange
{
    private readonly ulong? _start;
    private readonly ulong _last;

    /// <summary>Creates a range.</summary>
    /// <param name="name">The kernel's name for it.</param>
    /// <param name="parent">The enclosing range.</param>
    /// <param name="start">First address; null where the kernel hid it.</param>
    /// <param name="last">Last address.</param>
    internal PhysicalRange(string name, PhysicalRange? parent, ulong? start, ulong last)
    {
        Name = name;
        Parent = parent?.Name;
        Depth = parent is null ? 0 : parent.Depth + 1;
        _start = start;
        _last = last;
    }

    /// <summary>First physical address; null where the kernel hid it (<see cref="IsAddressHidden"/>).</summary>
    public ulong? Start => _start;

    /// <summary><see cref="Start"/> in hex.</summary>
    public string? StartHex => HexText.Of(Start);

    /// <summary>
    /// First physical address after the range, as everywhere in MemProc (iomem shows the last one); null like
    /// <see cref="Start"/>. For a range up to the end of the 64-bit address space it is the last address.
    /// </summary>
    public ulong? End => _start is null ? null : _last == ulong.MaxValue ? _last : _last + 1;

    /// <summary><see cref="End"/> in hex.</summary>
    public string? EndHex => HexText.Of(End);

    /// <summary>Size in bytes; null like <see cref="Start"/>.</summary>
    public ulong? SizeBytes => End - Start;

    /// <summary>What it is: <c>System RAM</c>, <c>Kernel code</c>, a bus, a device, a driver.</summary>
    public string Name { get; }

    /// <summary>Number of enclosing ranges: 0 for an outermost one.</summary>
    public int Depth { get; }

    /// <summary>
    /// Name of the directly enclosing range; null for an outermost one. Names of ranges are not unique.
    /// </summary>
    public string? Parent { get; }

    /// <summary>The frame that holds its first byte; null like <see cref="Start"/>.</summary>
    public ulong? Pfn => _start / MachinePage.SizeBytes;

    /// <summary><see cref="Pfn"/> in hex.</summary>
    public string? PfnHex => HexText.Of(Pfn);

    /// <summary>
    /// Number of frames that contain a byte of it, including those that it shares with a neighbor; null like
    /// <see cref="Start"/>.
    /// </summary>
    public ulong? PageCount => _last / MachinePage.SizeBytes - Pfn + 1;

    /// <summary>The kernel hid the addresses: the reader lacks CAP_SYS_ADMIN.</summary>
    public bool IsAddressHidden => _start is null;

    /// <summary>Returns the line as <c>/proc/iomem</c> has it, with the last address.</summary>
    public override string ToString()
    {
        string addresses = _start is ulong start ? $"{start:x8}-{_last:x8}" : "hidden";
        return $"{new string(' ', 2 * Depth)}{addresses} : {SafeText.Escape(Name)}";
    }

    /// <summary>Returns whether the range overlaps another.</summary>
    /// <param name="first">First address of the other.</param>
    /// <param name="last">Last address of the other.</param>
    internal bool Overlaps(ulong first, ulong last) => _start <= last && first <= _last;

    /// <summary>Returns whether another range lies entirely in this one.</summary>
    internal bool Encloses(ulong first, ulong last) => _start <= first && last <= _last;
}
