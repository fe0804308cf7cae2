namespace MemProc.Tests;

/// <summary>The target refused a command, died or did not answer.</summary>
/// <param name="message">What was asked and what came of it.</param>
/// <param name="inner">What made it so, if anything.</param>
public sealed class TargetException(string message, Exception? inner = null) : Exception(message, inner);
