using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Makes a parameter's value of what was given; what is none is refused in words.</summary>
[AttributeUsage(AttributeTargets.Property)]
public abstract class ValueTransformationAttribute : ArgumentTransformationAttribute
{
    public sealed override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        try
        {
            return Make(Items.Unwrap(inputData));
        }
        catch (FormatException error)
        {
            throw new ArgumentTransformationMetadataException(error.Message, error);
        }
    }

    /// <summary>The value.</summary>
    /// <param name="given">What was given, without what PowerShell wraps around it.</param>
    /// <exception cref="FormatException">It is none.</exception>
    private protected abstract object Make(object? given);
}
