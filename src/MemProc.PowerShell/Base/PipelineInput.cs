using System.Diagnostics;
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

    /// <summary>Returns whether a cmdlet can use an object of the pipeline; one that it cannot use is an error.</summary>
    /// <param name="cmdlet">The cmdlet.</param>
    /// <param name="input">The object.</param>
    /// <param name="hasProcess">-Id or -Name has a value: from the object, or from the command line.</param>
    public static bool Accepts(MemProcCommand cmdlet, PSObject? input, bool hasProcess)
    {
        if (!cmdlet.MyInvocation.ExpectingInput || (input is not null && IsUsable(cmdlet, input, hasProcess)))
        {
            return true;
        }

        string type = input is null ? "null" : input.BaseObject is PSCustomObject ? "object" : input.BaseObject.GetType().Name;
        cmdlet.WriteError(new ErrorRecord(
            new ArgumentException($"The {type} from the pipeline does not say which process it is about. Pipe in processes, "
                + "objects of this module, or objects with a ProcessId property; or specify -Id."),
            $"InputObject,{Errno.EINVAL}", ErrorCategory.InvalidArgument, input));
        return false;
    }

    private static bool IsUsable(MemProcCommand cmdlet, PSObject input, bool hasProcess)
    {
        string typeName = input.TypeNames.Count > 0 ? input.TypeNames[0] : string.Empty;
        bool isDeserialized = typeName.StartsWith(DeserializedPrefix, StringComparison.Ordinal);
        bool isData = input.BaseObject is PSCustomObject && !isDeserialized;
        bool hasId = Has(input, "ProcessId") || Has(input, "PID")
            || (Has(input, "Id") && (isData || input.BaseObject is Process
                || typeName == $"{DeserializedPrefix}{typeof(Process).FullName}"));
        if (hasId || (Takes(cmdlet, "Pfn") && Has(input, "Pfn", orNull: true)))
        {
            return true;
        }

        bool hasAddress = Takes(cmdlet, "Address") && (Has(input, "Address") || Has(input, "Start"));
        // What has an address but no process is from a file, or physical. Plain data is what the user made of it.
        return isData
            ? hasAddress || (hasProcess && (Has(input, "Length") || Has(input, "SizeBytes")))
            : hasAddress && hasProcess;
    }

    private static bool Takes(MemProcCommand cmdlet, string parameter) =>
        cmdlet.MyInvocation.MyCommand.Parameters.TryGetValue(parameter, out ParameterMetadata? known)
        && known.Attributes.OfType<ParameterAttribute>().Any(attribute => attribute.ValueFromPipelineByPropertyName);

    private static bool Has(PSObject input, string property, bool orNull = false) =>
        input.Properties[property] is PSPropertyInfo found && (orNull || found.Value is not null);
}
