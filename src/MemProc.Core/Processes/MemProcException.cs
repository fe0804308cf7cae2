using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Something that was asked of the kernel could not be had. The message says what, why and what would help.
/// </summary>
/// <param name="operation">What was being done.</param>
/// <param name="errno">The kernel's reason.</param>
/// <param name="message">The whole message.</param>
/// <param name="target">What it was about: a process id, an address, a frame number.</param>
public sealed class MemProcException(Operation operation, Errno errno, string message, object? target = null)
    : Exception(message)
{
    /// <summary>What was being done.</summary>
    public Operation Operation { get; } = operation;

    /// <summary>The kernel's reason.</summary>
    public Errno Errno { get; } = errno;

    /// <summary>What it was about: a process id, an address, a frame number.</summary>
    public object? Target { get; } = target;

    /// <summary>The error's id: <c>Operation,ERRNO</c>.</summary>
    public string ErrorId => $"{Operation},{Errno}";
}
