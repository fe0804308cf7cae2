using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>A requested write whose address is an expression until the process is known.</summary>
/// <param name="Address">Address of the first byte.</param>
/// <param name="Bytes">The bytes to write, at least one.</param>
/// <param name="Expected">
/// The bytes that must be there before; may be fewer or more than are written. Null: any.
/// </param>
/// <param name="Force">Write through <c>/proc/PID/mem</c> where the process itself has no write permission.</param>
public sealed record UnresolvedWrite(AddressExpression Address, byte[] Bytes, byte[]? Expected = null, bool Force = false)
{
    /// <summary>
    /// The type of the numbers that the bytes are; null: they are no numbers. Pointers have 64 bits here, and 32 when they are
    /// written to a 32-bit process.
    /// </summary>
    public MemoryValueType? Type { get; init; }

    /// <summary>
    /// Resolves the addresses of writes that belong together. The maps of the process are read at most once.
    /// </summary>
    /// <param name="process">The process to write to.</param>
    /// <param name="writes">The writes.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="MemProcException">As <see cref="AddressResolution.Resolve(AddressExpression)"/>, for the first that fails.</exception>
    public static IReadOnlyList<MemoryWriteRequest> Resolve(
        LinuxProcess process, IReadOnlyList<UnresolvedWrite> writes, CancellationToken cancellation = default)
    {
        try
        {
            using AddressResolution resolution = new(process, cancellation);
            return [.. writes.Select(write =>
                new MemoryWriteRequest(resolution.Resolve(write.Address), write.BytesFor(process), write.Expected, write.Force)
                {
                    Type = write.Type is MemoryValueType type ? MemoryValue.For(type, DataModel.Of(process)) : null,
                })];
        }
        catch (MemProcException error) when (writes.Count > 1)
        {
            throw new MemProcException(error.Operation, error.Errno,
                $"{error.Message} None of the {writes.Count} writes was done.", error.Target);
        }
    }

    private byte[] BytesFor(LinuxProcess process)
    {
        if (Type != MemoryValueType.Pointer || MemoryValue.For(MemoryValueType.Pointer, DataModel.Of(process)) == MemoryValueType.Pointer)
        {
            return Bytes;
        }

        ulong[] pointers = MemoryMarshal.Cast<byte, ulong>(Bytes).ToArray();
        return Array.Find(pointers, pointer => pointer > uint.MaxValue) is not 0 and ulong large
            ? throw new MemProcException(Operation.WriteMemory, Errno.EINVAL, $"Process {process.Identity} is a 32-bit process: "
                + $"0x{large:x} does not fit a pointer of 4 bytes.", process.Id)
            : [.. pointers.SelectMany(pointer => BitConverter.GetBytes((uint)pointer))];
    }
}
