using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Reads objects that are about a process.</summary>
internal static class ProcessObjects
{
    private const string DeserializedPrefix = "Deserialized.";

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

    /// <summary>
    /// Returns the start time that an object of the pipeline carries, so that a reused process id is noticed; null where it
    /// has none. As a parameter that binds by the name of the property it would cost more.
    /// </summary>
    public static ulong? StartTicksOf(PSObject? input) => input?.BaseObject is ProcessOutput output ? output.ProcessStartTicks
        : LanguagePrimitives.TryConvertTo(input?.Properties["ProcessStartTicks"]?.Value, out ulong ticks) && ticks > 0 ? ticks
        : null;

    /// <summary>Whether an object is a file.</summary>
    public static bool IsFile(PSObject input) => input.BaseObject is FileInfo
        || TypeName(input) == $"{DeserializedPrefix}{typeof(FileInfo).FullName}";

    /// <summary>Whether an object names a process.</summary>
    public static bool HasProcess(PSObject input) => input.BaseObject is ProcessOutput
        || Has(input, "ProcessId") || Has(input, "CorePath") || Has(input, "PID")
        || (Has(input, "Id") && (IsData(input) || input.BaseObject is Process
            || TypeName(input) == $"{DeserializedPrefix}{typeof(Process).FullName}"));

    /// <summary>Whether an object has only the properties that the user, a file, or Select-Object gave it.</summary>
    public static bool IsData(PSObject input) =>
        input.BaseObject is PSCustomObject && !TypeName(input).StartsWith(DeserializedPrefix, StringComparison.Ordinal);

    /// <summary>Whether an object has a value of a property.</summary>
    public static bool Has(PSObject input, string property) => input.Properties[property]?.Value is not null;

    private static string TypeName(PSObject input) => input.TypeNames.Count > 0 ? input.TypeNames[0] : string.Empty;

    private static string? Text(PSObject input, string property) =>
        input.Properties[property]?.Value is { } value && $"{value}" is { Length: > 0 } text ? text : null;
}
