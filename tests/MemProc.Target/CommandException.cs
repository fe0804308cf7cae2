namespace MemProc.Target;

/// <summary>The failure of a command, with the message for the reply.</summary>
/// <param name="message">One line.</param>
internal sealed class CommandException(string message) : Exception(message);
