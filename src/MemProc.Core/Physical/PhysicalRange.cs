namespace MemProc;

/// <summary>A range of the machine's physical addresses, as <c>/proc/iomem</c> shows it.</summary>
public sealed class PhysicalRange
{
    private readonly ulong? _start;
    private readonly ulong _last;

    /// <summary>A range.</summary>
    /// <param name="name">What the kernel calls it.</param>
    /// <param name="parent">The range around it.</param>
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

    /// <summary>
    /// First physical address behind the range, as everywhere in MemProc (iomem itself shows the last one); null
    /// like <see cref="Start"/>. Of a range that reaches to the very end of the address space it is the last one,
    /// since no number is behind that.
    /// </summary>
    public ulong? End => _start is null ? null : _last == ulong.MaxValue ? _last : _last + 1;

    /// <summary>Size in bytes; null like <see cref="Start"/>.</summary>
    public ulong? SizeBytes => End - Start;

    /// <summary>What it is: <c>System RAM</c>, <c>Kernel code</c>, a bus, a device, a driver.</summary>
    public string Name { get; }

    /// <summary>How many ranges lie around it: 0 for an outermost one.</summary>
    public int Depth { get; }

    /// <summary>
    /// Name of the range directly around it; null for an outermost one. The names of ranges need not be different.
    /// </summary>
    public string? Parent { get; }

    /// <summary>The frame that holds its first byte; null like <see cref="Start"/>.</summary>
    public ulong? Pfn => _start / MachinePage.SizeBytes;

    /// <summary>
    /// How many frames have a byte of it, those included that it shares with a neighbour; null like
    /// <see cref="Start"/>.
    /// </summary>
    public ulong? PageCount => _last / MachinePage.SizeBytes - Pfn + 1;

    /// <summary>The kernel hid the addresses: the reader lacks CAP_SYS_ADMIN.</summary>
    public bool IsAddressHidden => _start is null;

    /// <summary>The line as <c>/proc/iomem</c> has it, with the last address.</summary>
    public override string ToString()
    {
        string addresses = _start is ulong start ? $"{start:x8}-{_last:x8}" : "hidden";
        return $"{new string(' ', 2 * Depth)}{addresses} : {SafeText.Escape(Name)}";
    }

    /// <summary>Whether the range has a byte in common with another.</summary>
    /// <param name="first">The other's first address.</param>
    /// <param name="last">The other's last address.</param>
    internal bool Overlaps(ulong first, ulong last) => _start <= last && first <= _last;

    /// <summary>Whether all of another range lies in this one.</summary>
    internal bool Encloses(ulong first, ulong last) => _start <= first && last <= _last;
}
