namespace MemProc.Tests;

/// <summary>The target rejected a command, exited or did not reply.</summary>
/// <param name="message">The command and its result.</param>
/// <param name="inner">The cause, if any.</param>
public sealed class TargetException(string message, Exception? inner = null) : Exception(message, inner);
