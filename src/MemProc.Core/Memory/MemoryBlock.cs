namespace MemProc;

/// <summary>A range of a process' memory that was read.</summary>
public sealed class MemoryBlock : ProcessOutput
{
    internal MemoryBlock(
        ProcessIdentity process, ulong address, ulong length, byte[] bytes, MemoryGap[] gaps, ReadMethod method)
    {
        Process = process;
        Address = address;
        Length = length;
        Bytes = bytes;
        Gaps = gaps;
        Method = method;
    }

    /// <summary>Address of the first byte.</summary>
    public ulong Address { get; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string AddressHex => HexText.Of(Address);

    /// <summary>Bytes covered, gaps included.</summary>
    public ulong Length { get; }

    /// <summary>The bytes, 0 in gaps; empty where the whole block is one gap.</summary>
    public byte[] Bytes { get; }

    /// <summary>What could not be read, in address order.</summary>
    public OutputList<MemoryGap> Gaps { get; }

    /// <summary>How it was read.</summary>
    public ReadMethod Method { get; }

    /// <summary>
    /// The addresses visited where pointers were followed: the requested address first, that of the range last. Empty
    /// where none was followed.
    /// </summary>
    public OutputList<ulong> Pointers { get; init; } = [];

    /// <summary>
    /// Mapped files on this machine that supplied bytes which the core leaves to them; their build ids are those in the
    /// core. Empty where all bytes are from the process or the core itself.
    /// </summary>
    public OutputList<string> SourceFiles { get; init; } = [];

    internal override ProcessIdentity Process { get; }

    /// <summary>Returns address and size.</summary>
    public override string ToString() => $"{HumanSize.Format(Length)} at 0x{Address:x}";
}
