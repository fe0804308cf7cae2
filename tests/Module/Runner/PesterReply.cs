namespace MemProc.ModuleTests;

/// <summary>What PesterHost.ps1 answers.</summary>
/// <param name="Tests">The tests of a file, in the file's order, whether they were discovered or run.</param>
/// <param name="Error">Why the file as a whole failed; empty otherwise.</param>
internal sealed record PesterReply(PesterTest[] Tests, string Error);
