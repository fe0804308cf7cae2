namespace MemProc.Bench;

/// <summary>A contender failed, or contenders produced different results: there is nothing to compare.</summary>
/// <param name="message">What happened, in words.</param>
/// <param name="inner">What made it so, if anything.</param>
internal sealed class BenchException(string message, Exception? inner = null) : Exception(message, inner);
