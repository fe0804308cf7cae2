using System.Runtime.InteropServices;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Tests;

/// <summary>Reports whether a file was opened for reading or writing, by inotify(7). O_PATH does not count.</summary>
internal sealed partial class OpenWatch : IDisposable
{
    private const int NonBlocking = 0x800;
    private const uint Opened = 0x20;

    private readonly SafeFileHandle _events;

    /// <summary>Watches a file.</summary>
    public OpenWatch(string path)
    {
        _events = new SafeFileHandle(inotify_init1(NonBlocking), ownsHandle: true);
        Assert.True(inotify_add_watch(_events, path, Opened) > 0);
    }

    /// <summary>Whether it was opened since it is watched.</summary>
    public bool IsOpened => Libc.IsReadable(_events);

    /// <inheritdoc/>
    public void Dispose() => _events.Dispose();

    [LibraryImport("libc")]
    private static partial int inotify_init1(int flags);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int inotify_add_watch(SafeFileHandle events, string path, uint mask);
}
