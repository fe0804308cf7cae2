namespace MemProc;

/// <summary>A write that has been checked and not yet been done.</summary>
/// <param name="Address">Address of the first byte.</param>
/// <param name="Bytes">What is to be written.</param>
/// <param name="PreviousBytes">What is there.</param>
/// <param name="Method">How it will be written.</param>
/// <param name="Maps">The mappings that will be written to.</param>
/// <param name="Expected">What must still be there when it is done; null: anything.</param>
public sealed record MemoryPlan(
    ulong Address, byte[] Bytes, byte[] PreviousBytes, WriteMethod Method, IReadOnlyList<ProcMap> Maps,
    byte[]? Expected)
{
    /// <summary>Where it writes, in words that a person can judge.</summary>
    public string Place =>
        $"{ByteText.Count(Bytes.Length)} at 0x{Address:x} of process {Maps[0].Process}{How}, mapping {MapText}";

    /// <summary>What becomes of which bytes.</summary>
    public string Change => $"{ByteText.Short(PreviousBytes)} becomes {ByteText.Short(Bytes)}";

    /// <summary>Both, where the process has been named already.</summary>
    internal string Line => $"{ByteText.Count(Bytes.Length)} at 0x{Address:x}{How}, mapping {MapText}: {Change}";

    /// <summary>The process itself may not write there.</summary>
    internal bool IsForced => Maps.Any(map => !map.IsWritable);

    /// <summary>First address behind what is written.</summary>
    internal ulong End => Address + (ulong)Bytes.Length;

    private string How => IsForced ? ", by force through /proc/PID/mem" : string.Empty;

    private string MapText => string.Join(" and ", Maps);
}
