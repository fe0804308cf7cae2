using System.Runtime.InteropServices;

namespace MemProc.Interop;

/// <summary>
/// While it lives, nobody in this program hears of its children: neither that they end nor, if it traces some, that
/// they stop. Whoever waits for any child is told of tracees that stop, too, and the .NET runtime would take one that
/// it has started for ended. Afterwards the program's own handler is back and is told to look. One at a time.
/// </summary>
public sealed class ChildSignalSilence : IDisposable
{
    /// <summary>The runtime's thread that looks after children when the signal has come.</summary>
    private const string Listener = ".NET SigHandler";

    /// <summary>A listener that is busy for longer is not waited for.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly byte[] _handler = Libc.ReplaceChildHandler();
    private bool _disposed;

    /// <summary>Begins the silence, when whoever was looking after a signal that came before has done so.</summary>
    public ChildSignalSilence() => SpinWait.SpinUntil(IsListenerIdle, Patience);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            Libc.RestoreChildHandler(_handler);
        }
    }

    /// <summary>Whether the listener waits in read(2) for the next signal. Where there is none, nobody is busy.</summary>
    private static bool IsListenerIdle()
    {
        string read = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? "0 " : "63 ";
        try
        {
            return Directory.EnumerateDirectories("/proc/self/task")
                .Where(thread => File.ReadAllText($"{thread}/comm").TrimEnd('\n') == Listener)
                .All(thread => File.ReadAllText($"{thread}/syscall").StartsWith(read, StringComparison.Ordinal));
        }
        catch (IOException)
        {
            // A thread has ended meanwhile.
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            // A kernel that does not tell what threads wait for.
            return true;
        }
    }
}
