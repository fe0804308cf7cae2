using System.Buffers.Text;

namespace MemProc.Interop;

/// <summary>
/// Parses <c>/proc/PID/task/TID/syscall</c> (<c>fs/proc/base.c</c>): the system call that a thread sleeps in, its
/// arguments, stack pointer and program counter; <c>running</c> for a thread that runs.
/// </summary>
public static class SyscallLine
{
    /// <summary>Gets the stack pointer; false if the thread was running, or the text is something else.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out ulong stackPointer)
    {
        stackPointer = 0;
        text = text.TrimEnd((byte)'\n');
        int last = text.LastIndexOf((byte)' ');
        int before = last < 0 ? -1 : text[..last].LastIndexOf((byte)' ');
        if (before < 0)
        {
            return false;
        }

        ReadOnlySpan<byte> word = text[(before + 1)..last];
        return word.StartsWith("0x"u8) && Utf8Parser.TryParse(word[2..], out stackPointer, out int length, 'x')
            && length == word.Length - 2 && stackPointer != 0;
    }
}
