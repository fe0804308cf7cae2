namespace MemProc;

/// <summary>Where the content of a mapping comes from, and who uses it.</summary>
/// <param name="BuildId">The linker's fingerprint of its file.</param>
/// <param name="Segment">The program header that it was made for.</param>
/// <param name="Role">Which part of the main program it is.</param>
/// <param name="Thread">The thread whose stack it is.</param>
internal sealed record MapOrigin(string? BuildId, string? Segment, ProcMapRole? Role, int? Thread);
