using Iced.Intel;

namespace MemProc;

/// <summary>A piece of code, or a gap in it.</summary>
/// <param name="Address">First address.</param>
/// <param name="Bytes">The bytes, which change when the next piece is asked for; none: a gap begins here.</param>
internal readonly record struct CodePiece(ulong Address, ReadOnlyMemory<byte> Bytes);

/// <summary>An instruction as it was decoded, and its bytes.</summary>
/// <param name="Address">Its address.</param>
/// <param name="Instruction">The instruction.</param>
/// <param name="Bytes">Its bytes, which change when the next one is asked for.</param>
internal readonly record struct DecodedInstruction(ulong Address, Instruction Instruction, ReadOnlyMemory<byte> Bytes);

/// <summary>
/// Decodes one instruction after the other. Bytes that are not an instruction are reported one by one, so that decoding
/// goes on at the next byte, as objdump does.
/// </summary>
internal sealed class InstructionDecoder
{
    /// <summary>Bytes of the longest instruction.</summary>
    public const int MaxBytes = 15;

    private readonly Buffer _buffer = new();
    private readonly Decoder _decoder;

    /// <summary>Prepares to decode.</summary>
    /// <param name="bits">16, 32 or 64.</param>
    public InstructionDecoder(int bits) => _decoder = Decoder.Create(bits, _buffer);

    /// <summary>Decodes the instructions that begin in a range.</summary>
    /// <param name="pieces">
    /// The code in address order. A piece that does not begin where the last one ends follows a gap. The pieces should
    /// extend past the range by what the last instruction can need.
    /// </param>
    /// <param name="end">First address after the range.</param>
    public IEnumerable<DecodedInstruction> Decode(IEnumerable<CodePiece> pieces, ulong end)
    {
        foreach (CodePiece piece in pieces)
        {
            if (piece.Bytes.IsEmpty || (_buffer.Count > 0 && piece.Address != _buffer.Address + (ulong)_buffer.Count))
            {
                foreach (DecodedInstruction instruction in Take(end, isLast: true))
                {
                    yield return instruction;
                }

                _buffer.Clear();
            }

            _buffer.Append(piece);
            foreach (DecodedInstruction instruction in Take(end, isLast: false))
            {
                yield return instruction;
            }
        }

        foreach (DecodedInstruction instruction in Take(end, isLast: true))
        {
            yield return instruction;
        }
    }

    /// <summary>Decodes what is buffered, up to an instruction that continues after it.</summary>
    private IEnumerable<DecodedInstruction> Take(ulong end, bool isLast)
    {
        while (_buffer.Count > 0 && _buffer.Address < end && (isLast || _buffer.Count >= MaxBytes))
        {
            _buffer.Rewind();
            _decoder.IP = _buffer.Address;
            _decoder.Decode(out Instruction instruction);
            int length = instruction.IsInvalid ? 1 : instruction.Length;
            DecodedInstruction decoded = new(_buffer.Address, instruction, _buffer.First(length));
            _buffer.Skip(length);
            yield return decoded;
        }
    }

    /// <summary>The bytes that are not decoded yet.</summary>
    private sealed class Buffer : CodeReader
    {
        private byte[] _bytes = [];
        private int _start;
        private int _end;
        private int _next;

        public ulong Address { get; private set; }

        public int Count => _end - _start;

        public override int ReadByte() => _next < _end ? _bytes[_next++] : -1;

        public void Rewind() => _next = _start;

        public void Clear() => _start = _end = 0;

        public ReadOnlyMemory<byte> First(int count) => _bytes.AsMemory(_start, count);

        public void Skip(int count)
        {
            _start += count;
            Address += (ulong)count;
        }

        public void Append(CodePiece piece)
        {
            int kept = Count;
            byte[] target = _bytes.Length >= kept + piece.Bytes.Length ? _bytes : new byte[kept + piece.Bytes.Length];
            _bytes.AsSpan(_start, kept).CopyTo(target);
            piece.Bytes.Span.CopyTo(target.AsSpan(kept));
            Address = kept > 0 ? Address : piece.Address;
            (_bytes, _start, _end) = (target, 0, kept + piece.Bytes.Length);
        }
    }
}
