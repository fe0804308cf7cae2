using System.Buffers.Text;
using System.Text;

namespace MemProc.Interop;

/// <summary>Identity and state of a process, from <c>/proc/PID/stat</c> (<c>fs/proc/array.c</c>).</summary>
/// <param name="ProcessId">The process id.</param>
/// <param name="Name">The name of the main thread (comm), at most 15 bytes for a process; it may contain any byte.</param>
/// <param name="State">R, S, D, T, t, Z (zombie), X (dead) or I (idle kernel thread).</param>
/// <param name="Flags">The kernel's task flags (PF_*).</param>
/// <param name="StartTicks">Start time after boot, in clock ticks. Id and start time identify one process.</param>
public readonly record struct ProcessStat(int ProcessId, string Name, char State, uint Flags, ulong StartTicks)
{
    private const uint PfExiting = 0x0000_0004;
    private const uint PfKthread = 0x0020_0000;

    /// <summary>Its parent's process id.</summary>
    public int ParentId { get; init; }

    /// <summary>Its process group's id.</summary>
    public int GroupId { get; init; }

    /// <summary>Its session's id.</summary>
    public int SessionId { get; init; }

    /// <summary>A kernel thread: it has no memory of its own.</summary>
    public bool IsKernelThread => (Flags & PfKthread) != 0;

    /// <summary>It has exited and its parent has not waited for it yet: its memory is gone.</summary>
    public bool IsZombie => State is 'Z' or 'X';

    /// <summary>It is exiting, and may have no memory any more although its state is not that of a zombie yet.</summary>
    public bool IsExiting => (Flags & PfExiting) != 0;

    /// <summary>Parses the file's text. Returns false if it is something else.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out ProcessStat result)
    {
        result = default;
        // The name is in parentheses and may contain parentheses, spaces and newlines.
        int open = text.IndexOf((byte)'(');
        int close = text.LastIndexOf((byte)')');
        if (open < 0 || close < open || close + 3 >= text.Length
            || !Utf8Parser.TryParse(text, out int processId, out _))
        {
            return false;
        }

        string name = Encoding.UTF8.GetString(text[(open + 1)..close]);
        ReadOnlySpan<byte> fields = text[(close + 2)..];
        char state = (char)fields[0];
        if (!TryField(fields, 9 - 3, out ulong flags) || !TryField(fields, 22 - 3, out ulong startTicks))
        {
            return false;
        }

        // Group and session of a thread that has exited are -1.
        TryField(fields, 4 - 3, out ulong parent);
        TryField(fields, 5 - 3, out ulong group);
        TryField(fields, 6 - 3, out ulong session);

        result = new ProcessStat(processId, name, state, (uint)flags, startTicks)
        {
            ParentId = (int)parent,
            GroupId = (int)group,
            SessionId = (int)session,
        };
        return true;
    }

    private static bool TryField(ReadOnlySpan<byte> fields, int index, out ulong value)
    {
        for (; index > 0; index--)
        {
            int space = fields.IndexOf((byte)' ');
            if (space < 0)
            {
                value = 0;
                return false;
            }

            fields = fields[(space + 1)..];
        }

        return Utf8Parser.TryParse(fields, out value, out _);
    }
}
