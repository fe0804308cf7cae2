using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;

namespace MemProc.PowerShell;

/// <summary>The last writes of a PowerShell session, so that they can be undone without forethought.</summary>
internal sealed class SessionWrites
{
    /// <summary>Transactions that are kept.</summary>
    public const int MaxTransactions = 256;

    /// <summary>Bytes that are kept of them, before and after; at least the last transaction is kept.</summary>
    public const int MaxBytes = 16 * 1024 * 1024;

    private static readonly ConditionalWeakTable<Runspace, SessionWrites> Sessions = [];
    private static readonly SessionWrites WithoutSession = new();

    private readonly Lock _changing = new();
    private readonly LinkedList<MemoryWrite[]> _transactions = [];
    private long _bytes;

    /// <summary>The writes of the session that the calling cmdlet runs in.</summary>
    public static SessionWrites Current => Runspace.DefaultRunspace is Runspace session
        ? Sessions.GetValue(session, _ => new SessionWrites())
        : WithoutSession;

    /// <summary>Adds what was written together. The oldest transactions are dropped where there are too many.</summary>
    public void Add(IReadOnlyList<MemoryWrite> writes)
    {
        if (writes.Count == 0)
        {
            return;
        }

        lock (_changing)
        {
            MemoryWrite[] transaction = [.. writes];
            _transactions.AddLast(transaction);
            _bytes += BytesOf(transaction);
            while (_transactions.Count > 1 && (_transactions.Count > MaxTransactions || _bytes > MaxBytes))
            {
                _bytes -= BytesOf(_transactions.First!.Value);
                _transactions.RemoveFirst();
            }
        }
    }

    /// <summary>Returns the last transactions, the newest first.</summary>
    public MemoryWrite[][] Last(int count)
    {
        lock (_changing)
        {
            return [.. _transactions.Reverse().Take(count)];
        }
    }

    /// <summary>Removes writes that were undone, by whatever way.</summary>
    public void Remove(IReadOnlyCollection<MemoryWrite> writes)
    {
        lock (_changing)
        {
            for (LinkedListNode<MemoryWrite[]>? node = _transactions.First, next; node is not null; node = next)
            {
                next = node.Next;
                MemoryWrite[] left = Array.FindAll(node.Value, kept => !writes.Any(undone => IsSame(kept, undone)));
                if (left.Length < node.Value.Length)
                {
                    _bytes += BytesOf(left) - BytesOf(node.Value);
                    node.Value = left;
                    if (left.Length == 0)
                    {
                        _transactions.Remove(node);
                    }
                }
            }
        }
    }

    /// <summary>Whether two objects are one write; one of them can have been in a file.</summary>
    private static bool IsSame(MemoryWrite kept, MemoryWrite undone) => ReferenceEquals(kept, undone)
        || (kept.ProcessId == undone.ProcessId && kept.ProcessStartTicks == undone.ProcessStartTicks
            && kept.Address == undone.Address && kept.Bytes.SequenceEqual(undone.Bytes)
            && kept.PreviousBytes.SequenceEqual(undone.PreviousBytes));

    private static long BytesOf(MemoryWrite[] writes) => writes.Sum(write => 2L * write.Bytes.Length);
}
