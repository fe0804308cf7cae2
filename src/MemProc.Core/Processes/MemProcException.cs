using MemProc.Interop;

namespace MemProc;

/// <summary>An operation failed. The message says what failed, why, and what helps.</summary>
/// <param name="operation">The operation that failed.</param>
/// <param name="errno">The kernel's error.</param>
/// <param name="message">The complete message.</param>
/// <param name="target">The target of the operation: a process id, an address, a frame number.</param>
public sealed class MemProcException(Operation operation, Errno errno, string message, object? target = null)
    : Exception(message)
{
    /// <summary>The operation that failed.</summary>
    public Operation Operation { get; } = operation;

    /// <summary>The kernel's error.</summary>
    public Errno Errno { get; } = errno;

    /// <summary>The target of the operation: a process id, an address, a frame number.</summary>
    public object? Target { get; } = target;

    /// <summary>A forced operation would not fail for this reason: the caller can offer the parameter for it.</summary>
    public bool CanBeForced { get; init; }

    /// <summary>The process whose access checks failed; null where the operation is not about one.</summary>
    public int? ProcessId { get; init; }

    /// <summary>
    /// The rights of the caller, or what restricts them, are the reason: an examination of its access shows what helps.
    /// </summary>
    public bool IsAccessRefused => Errno is Errno.EACCES or Errno.EPERM or Errno.EROFS
        && (ProcessId is not null || Operation.RequiresRights);

    /// <summary>The error's id: <c>Operation,ERRNO</c>.</summary>
    public string ErrorId => $"{Operation},{Errno}";
}
