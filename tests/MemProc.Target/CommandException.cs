namespace MemProc.Target;

/// <summary>A command could not be carried out; the message is what the reply says.</summary>
/// <param name="message">One line.</param>
internal sealed class CommandException(string message) : Exception(message);
