namespace MemProc;

/// <summary>A write of a transaction while it is carried out.</summary>
/// <param name="plan">What was agreed.</param>
internal sealed class MemoryStep(MemoryPlan plan)
{
    /// <summary>What was agreed.</summary>
    public MemoryPlan Plan => plan;

    /// <summary>What was there right before; room for it until then.</summary>
    public byte[] PreviousBytes { get; } = new byte[plan.Bytes.Length];

    /// <summary>Bytes written so far, from the first one on.</summary>
    public int Written { get; set; }

    /// <summary>Where and how much: <c>4 bytes at 0x7ffd2de47000</c>.</summary>
    public string Place => $"{ByteText.Count(Written)} at 0x{plan.Address:x}";

    /// <summary>What was done.</summary>
    /// <param name="isVerified">See <see cref="MemoryWrite.IsVerified"/>.</param>
    public MemoryWrite Done(bool? isVerified) => new(
        plan.Maps[0].Process, plan.Address, PreviousBytes[..Written], plan.Bytes[..Written], plan.Method,
        plan.Maps[0].Path, isVerified);
}
