namespace MemProc;

/// <summary>A range of physical memory that was read.</summary>
public sealed class PhysicalMemoryBlock
{
    internal PhysicalMemoryBlock(ulong address, ulong length, byte[] bytes, MemoryGap[] gaps, KernelReadSource source)
    {
        PhysicalAddress = address;
        Length = length;
        Bytes = bytes;
        Gaps = gaps;
        Source = source;
    }

    /// <summary>Physical address of the first byte.</summary>
    public ulong PhysicalAddress { get; }

    /// <summary><see cref="PhysicalAddress"/> in hex.</summary>
    public string PhysicalAddressHex => HexText.Of(PhysicalAddress);

    /// <summary>Frame of the first byte.</summary>
    public ulong Pfn => PhysicalAddress / MachinePage.SizeBytes;

    /// <summary><see cref="Pfn"/> in hex.</summary>
    public string PfnHex => HexText.Of(Pfn);

    /// <summary>Bytes covered, gaps included.</summary>
    public ulong Length { get; }

    /// <summary>The bytes, 0 in gaps; empty where the whole block is one gap.</summary>
    public byte[] Bytes { get; }

    /// <summary>What could not be read, by physical address.</summary>
    public OutputList<MemoryGap> Gaps { get; }

    /// <summary>How the kernel's memory was read.</summary>
    public KernelReadSource Source { get; }

    /// <summary>Returns address and size.</summary>
    public override string ToString() => $"{HumanSize.Format(Length)} at 0x{PhysicalAddress:x}";
}
