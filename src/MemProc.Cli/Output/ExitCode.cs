namespace MemProc.Cli;

/// <summary>The exit codes.</summary>
internal static class ExitCode
{
    public const int Success = 0;

    /// <summary>Some of what was requested failed, or the command line is wrong.</summary>
    public const int Failure = 1;

    /// <summary>Ctrl-C, by the convention of shells: 128 and the signal's number.</summary>
    public const int Interrupted = 130;

    /// <summary>SIGTERM.</summary>
    public const int Terminated = 143;

    /// <summary>SIGHUP: the terminal is gone.</summary>
    public const int HungUp = 129;
}
