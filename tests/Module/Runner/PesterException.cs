using Xunit.Sdk;

namespace MemProc.ModuleTests;

/// <summary>A Pester test that failed: its message and its stack in the Pester file.</summary>
public sealed class PesterException : Exception, IAssertionException
{
    private readonly string _stack;

    /// <summary>Takes what Pester says.</summary>
    public PesterException(string message, string stack)
        : base(message) => _stack = stack;

    /// <inheritdoc/>
    public override string StackTrace => _stack;
}
