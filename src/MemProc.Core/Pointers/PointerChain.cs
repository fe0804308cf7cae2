using System.Text;

namespace MemProc;

/// <summary>
/// A path of pointers from static memory to an address, as an expression that holds after a restart of the program.
/// </summary>
public sealed class PointerChain : ProcessOutput
{
    internal PointerChain(ProcessIdentity process, ulong address, string start, ulong baseAddress, ulong[] offsets)
    {
        Process = process;
        Address = address;
        Base = start;
        BaseAddress = baseAddress;
        Offsets = offsets;
        Expression = ExpressionOf(start, offsets);
    }

    /// <summary>The address that it leads to.</summary>
    public ulong Address { get; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string AddressHex => HexText.Of(Address);

    /// <summary>The path as an expression that -Address accepts: <c>*(*(game!.data+0x10)+0x8)+0x20</c>.</summary>
    public string Expression { get; }

    /// <summary>The place of the first pointer as an expression: <c>game!.data+0x10</c>.</summary>
    public string Base { get; }

    /// <summary>Address of the first pointer.</summary>
    public ulong BaseAddress { get; }

    /// <summary><see cref="BaseAddress"/> in hex.</summary>
    public string BaseAddressHex => HexText.Of(BaseAddress);

    /// <summary>Bytes from what each pointer points to, to the next pointer; the last one, to the address.</summary>
    public OutputList<ulong> Offsets { get; }

    /// <summary>Number of pointers.</summary>
    public int Depth => Offsets.Length;

    internal override ProcessIdentity Process { get; }

    /// <summary>Returns the path as an expression.</summary>
    /// <param name="start">The place of the first pointer.</param>
    /// <param name="offsets">Bytes from what each pointer points to; at least one.</param>
    public static string ExpressionOf(string start, IEnumerable<ulong> offsets)
    {
        StringBuilder text = new(start);
        foreach (ulong offset in offsets)
        {
            text.Insert(0, "*(").Append(offset == 0 ? ")" : $")+0x{offset:x}");
        }

        return text.ToString();
    }

    /// <summary>The expression.</summary>
    public override string ToString() => SafeText.Escape(Expression);
}

/// <summary>A path that was found before, in this or another run of a program.</summary>
/// <param name="Base">The place of the first pointer as an expression.</param>
/// <param name="Offsets">Bytes from what each pointer points to.</param>
public sealed record SavedPointerChain(string Base, ulong[] Offsets);
