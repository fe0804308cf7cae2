namespace MemProc.ModuleTests;

/// <summary>A Pester test, as it was discovered or run.</summary>
/// <param name="Name">The names of its blocks and its own, joined by dots.</param>
/// <param name="Result">Passed, Failed, Skipped, Inconclusive or NotRun.</param>
/// <param name="Message">Why it failed or was skipped; empty otherwise.</param>
/// <param name="Stack">Where it failed.</param>
/// <param name="Seconds">How long it took.</param>
internal sealed record PesterTest(string Name, string Result, string Message, string Stack, double Seconds);
