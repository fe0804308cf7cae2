namespace MemProc;

/// <summary>A range of addresses.</summary>
/// <param name="Start">First address.</param>
/// <param name="End">First address after the range.</param>
public readonly record struct AddressRange(ulong Start, ulong End)
{
    /// <summary>Every address that a process can have.</summary>
    public static AddressRange All { get; } = new(0, ulong.MaxValue);

    /// <summary>Length in bytes.</summary>
    public ulong SizeBytes => End - Start;

    /// <summary>The whole pages that the range touches.</summary>
    public AddressRange Pages => new(MachinePage.Floor(Start),
        End > MachinePage.Floor(ulong.MaxValue) ? ulong.MaxValue : MachinePage.Ceiling(End));

    /// <summary>Returns the part that also lies in another range; empty where they have no address in common.</summary>
    /// <param name="other">The other range.</param>
    public AddressRange Clip(AddressRange other)
    {
        ulong start = Math.Max(Start, other.Start);
        return new AddressRange(start, Math.Max(start, Math.Min(End, other.End)));
    }
}
