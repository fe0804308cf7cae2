using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>
/// Converts sets of page flags: a number, or a text with a number or with names that are separated by commas. A page
/// without flags (null: it has no frame) is skipped.
/// </summary>
public sealed class FlagSetTransformationAttribute : ValueTransformationAttribute
{
    private protected override object Parse(object? input) => InputValues.Convert<ulong?>(input, item =>
        InputValues.Unwrap(item) switch
        {
            null => null,
            string text => FlagText.ParseSet(text),
            // A 0x literal with the highest bit set is negative in PowerShell.
            long negative => unchecked((ulong)negative),
            int negative => unchecked((uint)negative),
            var value => LanguagePrimitives.ConvertTo<ulong>(value),
        }).OfType<ulong>().ToArray();
}
