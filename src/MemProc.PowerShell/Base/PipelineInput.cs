using System.Diagnostics.CodeAnalysis;
using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>
/// Tells objects about processes and their memory from others whose properties only have the same names: the Id of a job
/// is not a process id, and the Length of a file or a string is not a length of memory.
/// </summary>
internal static class PipelineInput
{
    /// <summary>Returns whether an object names a process, or is data of the user about a range of memory.</summary>
    public static bool IsUsable(PSObject input) => ProcessObjects.HasProcess(input)
        || (ProcessObjects.IsData(input)
            && Array.Exists(["Address", "Start", "Length", "SizeBytes"], name => ProcessObjects.Has(input, name)));

    /// <summary>
    /// Returns whether a cmdlet can use what the pipeline brought. What would be about the current process only because
    /// the object names none is an error.
    /// </summary>
    /// <param name="cmdlet">The cmdlet.</param>
    /// <param name="input">The object; null where it is not usable.</param>
    /// <param name="isTargetKnown">The process or the address is known: from the object, or from the command line.</param>
    public static bool Accepts(MemProcCommand cmdlet, PSObject? input, bool isTargetKnown)
    {
        if (!cmdlet.MyInvocation.ExpectingInput || (input is not null && !ProcessObjects.IsFile(input)
            && (isTargetKnown || ProcessObjects.HasProcess(input))))
        {
            return true;
        }

        cmdlet.WriteError(new ErrorRecord(
            new ArgumentException("The object from the pipeline does not say which process it is about. Pipe in processes, "
                + "objects of this module, or objects with a ProcessId property; or specify -Id."),
            $"InputObject,{Errno.EINVAL}", ErrorCategory.InvalidArgument, input));
        return false;
    }

    /// <summary>Returns path and length of a file that the pipeline brought; null where it is something else.</summary>
    public static (string Path, ulong? Length)? FileOf(PSObject? input) =>
        input is not null && ProcessObjects.IsFile(input) && input.Properties["FullName"]?.Value is string path
            ? (path, LanguagePrimitives.TryConvertTo(input.Properties["Length"]?.Value, out ulong length) ? length : null)
            : null;

    /// <summary>Returns whether an object comes from a core: objects of live processes have the property without a value.</summary>
    public static bool HasCore([NotNullWhen(true)] string[]? corePath) =>
        corePath is { Length: > 0 } && !Array.Exists(corePath, string.IsNullOrEmpty);
}

/// <summary>
/// Takes objects of the pipeline that are about processes. PowerShell binds others by their properties, as if this
/// parameter did not exist.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ProcessObjectAttribute : ArgumentTransformationAttribute
{
    /// <summary>Files are taken, too: each is a core.</summary>
    public bool AllowFiles { get; init; }

    /// <summary>Process ids are taken, too.</summary>
    public bool AllowIds { get; init; }

    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        if (inputData is not null && PSObject.AsPSObject(inputData) is PSObject input
            && (PipelineInput.IsUsable(input) || (AllowFiles && PipelineInput.FileOf(input) is not null)
                || (AllowIds && ProcessObjects.IdOf(input) is not null)))
        {
            return inputData;
        }

        PSInvalidCastException reason = new("The object is not about a process.");
        throw new ArgumentTransformationMetadataException(reason.Message, reason);
    }
}

/// <summary>
/// Takes files of the pipeline and nothing of other objects: PowerShell's own conversion would fail for each by an
/// exception.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class FileOrNoneAttribute : ArgumentTransformationAttribute
{
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        (InputValues.Unwrap(inputData) as FileSystemInfo)!;
}
