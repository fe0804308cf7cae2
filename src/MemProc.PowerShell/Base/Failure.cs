using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Creates the error records of failures.</summary>
internal static class Failure
{
    /// <summary>Creates the record of a failure: id <c>Operation,ERRNO</c>, category by the kernel's error.</summary>
    public static ErrorRecord Record(MemProcException error) => new(
        error.CanBeForced ? WithAdvice(error, "Use -Force to do it.")
            : error.IsAccessRefused ? WithAdvice(error, error.ProcessId is int id
                ? $"Test-ProcMemAccess {id} shows what is possible."
                : "Test-ProcMemAccess shows what is possible.")
            : error,
        error.ErrorId, Category(error), error.Target);

    /// <summary>Creates the exception for an output that exists: -Force would replace it.</summary>
    public static MemProcException Replaceable(MemProcException error) =>
        WithAdvice(error, "Use -Force to replace it.");

    /// <summary>Creates the record of an argument that is refused before anything is touched.</summary>
    public static ErrorRecord BadArgument(string parameter, string message, object? value) =>
        new(new ArgumentException(SafeText.Escape(message)), $"{parameter},{Errno.EINVAL}", ErrorCategory.InvalidArgument, value);

    /// <summary>Creates the record of an object of the pipeline that brings no frame.</summary>
    public static ErrorRecord NoPfn() => BadArgument(
        "Pfn", "The object from the pipeline has no Pfn. Pipe in frame numbers, or objects with a Pfn property.", null);

    private static MemProcException WithAdvice(MemProcException error, string advice) =>
        new(error.Operation, error.Errno, $"{error.Message} {advice}", error.Target) { ProcessId = error.ProcessId };

    private static ErrorCategory Category(MemProcException error) => error.Errno switch
    {
        Errno.ENOENT or Errno.ESRCH or Errno.ENODATA => ErrorCategory.ObjectNotFound,
        Errno.EACCES or Errno.EPERM or Errno.EROFS => ErrorCategory.PermissionDenied,
        Errno.EINVAL or Errno.E2BIG or Errno.EISDIR or Errno.ENOTDIR or Errno.ELOOP or Errno.ENAMETOOLONG =>
            ErrorCategory.InvalidArgument,
        Errno.ENOTTY or Errno.ENOSYS or Errno.ENODEV or Errno.EOPNOTSUPP => ErrorCategory.NotImplemented,
        Errno.ENOMEM or Errno.ENOSPC or Errno.EMFILE or Errno.ENFILE => ErrorCategory.ResourceUnavailable,
        Errno.EBUSY => ErrorCategory.ResourceBusy,
        Errno.EEXIST => ErrorCategory.ResourceExists,
        Errno.ETIMEDOUT => ErrorCategory.OperationTimeout,
        Errno.EHWPOISON or Errno.ENOEXEC => ErrorCategory.InvalidData,
        Errno.EAGAIN => ErrorCategory.InvalidData,
        Errno.EFAULT or Errno.EIO => error.Operation.Fault switch
        {
            FaultKind.Write => ErrorCategory.WriteError,
            FaultKind.Result => ErrorCategory.InvalidResult,
            _ => ErrorCategory.ReadError,
        },
        _ => ErrorCategory.NotSpecified,
    };
}
