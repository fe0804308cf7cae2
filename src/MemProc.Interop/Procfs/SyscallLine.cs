using System.Buffers.Text;

namespace MemProc.Interop;

/// <summary>
/// Parses <c>/proc/PID/task/TID/syscall</c> (<c>fs/proc/base.c</c>): the system call that a thread sleeps in, its
/// arguments, stack pointer and program counter; <c>running</c> for a thread that runs.
/// </summary>
public static class SyscallLine
{
    /// <inheritdoc cref="TryParse(ReadOnlySpan{byte}, out ulong, out ulong, out long)"/>
    public static bool TryParse(ReadOnlySpan<byte> text, out ulong stackPointer) =>
        TryParse(text, out stackPointer, out _, out _);

    /// <summary>Gets the registers; false if the thread was running, or the text is something else.</summary>
    /// <param name="text">The content of the file.</param>
    /// <param name="stackPointer">The stack pointer.</param>
    /// <param name="instructionPointer">The program counter; 0 where it is malformed.</param>
    /// <param name="number">Number of the system call that it sleeps in; -1 outside of one.</param>
    public static bool TryParse(
        ReadOnlySpan<byte> text, out ulong stackPointer, out ulong instructionPointer, out long number)
    {
        stackPointer = instructionPointer = 0;
        number = -1;
        text = text.TrimEnd((byte)'\n');
        int last = text.LastIndexOf((byte)' ');
        int before = last < 0 ? -1 : text[..last].LastIndexOf((byte)' ');
        if (before < 0)
        {
            return false;
        }

        TryHex(text[(last + 1)..], out instructionPointer);
        number = Utf8Parser.TryParse(text, out long call, out _) ? call : -1;
        return TryHex(text[(before + 1)..last], out stackPointer) && stackPointer != 0;
    }

    private static bool TryHex(ReadOnlySpan<byte> word, out ulong value)
    {
        value = 0;
        return word.StartsWith("0x"u8) && Utf8Parser.TryParse(word[2..], out value, out int length, 'x')
            && length == word.Length - 2;
    }
}
