using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Refuses names where process ids are expected, with the advice that PowerShell's own error lacks.</summary>
/// <param name="hasName">Whether the cmdlet has -Name.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ProcessIdTransformationAttribute(bool hasName) : ArgumentTransformationAttribute
{
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        foreach (object? item in InputValues.Convert(inputData, InputValues.Unwrap))
        {
            if (item is string { Length: > 0 } name && !LanguagePrimitives.TryConvertTo(name, out int _))
            {
                string shown = SafeText.Escape(name);
                throw new ArgumentTransformationMetadataException($"'{shown}' is not a process id. "
                    + (hasName ? $"To select processes by name, use -Name {shown}." : $"Use (Get-Process {shown}).Id."));
            }
        }

        return inputData;
    }
}
