using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>
/// Tells objects about processes and their memory from others whose properties only have the same names: the Id of a job
/// is not a process id, and the Length of a file or a string is not a length of memory.
/// </summary>
internal static class PipelineInput
{
    private const string DeserializedPrefix = "Deserialized.";

    /// <summary>Returns whether an object names a process, or is data of the user about a range of memory.</summary>
    public static bool IsUsable(PSObject input) => HasProcess(input)
        || (IsData(input) && (Has(input, "Address") || Has(input, "Start") || Has(input, "Length") || Has(input, "SizeBytes")));

    /// <summary>
    /// Returns whether a cmdlet can use what the pipeline brought. What would be about the current process only because
    /// the object names none is an error.
    /// </summary>
    /// <param name="cmdlet">The cmdlet.</param>
    /// <param name="input">The object; null where it is not usable.</param>
    /// <param name="isTargetKnown">The process or the address is known: from the object, or from the command line.</param>
    public static bool Accepts(MemProcCommand cmdlet, PSObject? input, bool isTargetKnown)
    {
        if (!cmdlet.MyInvocation.ExpectingInput || (input is not null && !IsFile(input) && (isTargetKnown || HasProcess(input))))
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
        input is not null && IsFile(input) && input.Properties["FullName"]?.Value is string path
            ? (path, LanguagePrimitives.TryConvertTo(input.Properties["Length"]?.Value, out ulong length) ? length : null)
            : null;

    /// <summary>Returns whether an object comes from a core: objects of live processes have the property without a value.</summary>
    public static bool HasCore([NotNullWhen(true)] string[]? corePath) =>
        corePath is { Length: > 0 } && !Array.Exists(corePath, string.IsNullOrEmpty);

    /// <summary>Returns the process id that the pipeline brought; null where it is something else.</summary>
    public static int? IdOf(PSObject? input) => input?.BaseObject switch
    {
        int id when id > 0 => id,
        // JSON and arithmetic make these. A byte, or an address, which is unsigned, is not an id.
        long id when id is > 0 and <= int.MaxValue => (int)id,
        // What pgrep and pidof write. PowerShell's other texts are not about processes.
        string text when text.Length is > 0 and <= 10
            && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int id) && id > 0 => id,
        _ => null,
    };

    /// <summary>Returns the process that an object is about; null where it is about none.</summary>
    /// <exception cref="FormatException">It is from a core, or its id is not valid.</exception>
    public static ProcessSelector? ProcessOf(PSObject input)
    {
        if (Text(input, "CorePath") is string core)
        {
            throw new FormatException(
                $"The object is from the core '{SafeText.Escape(core)}'. Pipe it in, or use -CorePath.");
        }

        if (!HasProcess(input))
        {
            return null;
        }

        object? id = input.Properties["ProcessId"]?.Value ?? input.Properties["PID"]?.Value ?? input.Properties["Id"]?.Value;
        object? ticks = input.Properties["ProcessStartTicks"]?.Value;
        return LanguagePrimitives.TryConvertTo(id, out int number) && number > 0
            ? new ProcessSelector(number, LanguagePrimitives.TryConvertTo(ticks, out ulong start) && start > 0 ? start : null)
            : throw new FormatException($"'{SafeText.Escape($"{id}")}' is not a process id.");
    }

    private static string? Text(PSObject input, string property) =>
        input.Properties[property]?.Value is { } value && $"{value}" is { Length: > 0 } text ? text : null;

    private static bool IsFile(PSObject input) => input.BaseObject is FileInfo
        || TypeName(input) == $"{DeserializedPrefix}{typeof(FileInfo).FullName}";

    private static bool HasProcess(PSObject input) => input.BaseObject is ProcessOutput || Has(input, "ProcessId") || Has(input, "CorePath") || Has(input, "PID")
        || (Has(input, "Id") && (IsData(input) || input.BaseObject is Process
            || TypeName(input) == $"{DeserializedPrefix}{typeof(Process).FullName}"));

    /// <summary>Whether an object has only the properties that the user, a file, or Select-Object gave it.</summary>
    private static bool IsData(PSObject input) =>
        input.BaseObject is PSCustomObject && !TypeName(input).StartsWith(DeserializedPrefix, StringComparison.Ordinal);

    private static string TypeName(PSObject input) => input.TypeNames.Count > 0 ? input.TypeNames[0] : string.Empty;

    private static bool Has(PSObject input, string property) => input.Properties[property]?.Value is not null;
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
                || (AllowIds && PipelineInput.IdOf(input) is not null)))
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
