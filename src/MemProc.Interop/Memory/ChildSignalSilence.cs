namespace MemProc.Interop;

/// <summary>
/// While it lives, this program hears nothing of its children: neither that they end nor, if it traces some, that
/// they stop. Afterwards its own handler is back and is told to look. One at a time.
/// </summary>
public sealed class ChildSignalSilence : IDisposable
{
    private readonly byte[] _handler = Libc.ReplaceChildHandler();
    private bool _disposed;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            Libc.RestoreChildHandler(_handler);
        }
    }
}
