namespace MemProc.Cli;

/// <summary>What the shell is told.</summary>
internal static class ExitCode
{
    public const int Success = 0;

    /// <summary>Something that was asked for could not be had, or was asked for in a wrong way.</summary>
    public const int Failure = 1;

    /// <summary>Ctrl-C, as shells count it: 128 and the signal's number.</summary>
    public const int Interrupted = 130;
}
