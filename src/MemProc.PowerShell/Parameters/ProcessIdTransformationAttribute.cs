using System.Diagnostics;
using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>
/// Converts ids, process objects, objects of this module, and names to <see cref="ProcessSelector"/>s. Where names cannot
/// be used, they are refused with the advice that PowerShell's own error lacks.
/// </summary>
/// <param name="hasName">Whether names are taken.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ProcessIdTransformationAttribute(bool hasName) : ArgumentTransformationAttribute
{
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        if (inputData is null)
        {
            // PowerShell's own validation refuses it.
            return null;
        }

        try
        {
            return InputValues.Convert(inputData, Convert);
        }
        catch (Exception error) when (error is FormatException or OverflowException or PSInvalidCastException)
        {
            throw new ArgumentTransformationMetadataException(SafeText.ShortenMiddle(error.Message, 600), error);
        }
    }

    private ProcessSelector Convert(object? input)
    {
        object? value = InputValues.Unwrap(input);
        switch (value)
        {
            case ProcessSelector selector:
                return selector;
            case Process process:
                return new ProcessSelector(IdOf(process));
            case string text when !LanguagePrimitives.TryConvertTo(text, out int _):
                return Named(text);
            case string or int or uint or long or ulong or short or ushort or byte or sbyte:
                return LanguagePrimitives.TryConvertTo(value, out int id) && id > 0
                    ? new ProcessSelector(id)
                    : throw new FormatException($"'{SafeText.Escape($"{value}")}' is not a process id: a number from 1 to {int.MaxValue}.");
            case null:
                throw new FormatException("A process id is missing: the value is null.");
            default:
                return ProcessObjects.ProcessOf(PSObject.AsPSObject(input)) ?? throw new FormatException(
                    "A process is an id, a process object, an object with a ProcessId, or "
                    + (hasName ? "a name." : "the Id of a process."));
        }
    }

    private ProcessSelector Named(string name)
    {
        string shown = SafeText.Escape(name);
        return !hasName ? throw new FormatException($"'{shown}' is not a process id. Use (Get-Process {shown}).Id.")
            : string.IsNullOrWhiteSpace(name) ? throw new FormatException("The name of a process is empty.")
            : new ProcessSelector(name);
    }

    private static int IdOf(Process process)
    {
        try
        {
            return process.Id;
        }
        catch (InvalidOperationException error)
        {
            throw new FormatException($"The process object has no id: {error.Message}", error);
        }
    }
}
