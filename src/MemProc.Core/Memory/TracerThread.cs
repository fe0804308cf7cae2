using System.Collections.Concurrent;

namespace MemProc;

/// <summary>The thread that makes all ptrace requests of a stop: the kernel takes them from one thread only.</summary>
internal sealed class TracerThread : IDisposable
{
    private readonly KernelFiles _files;
    private readonly Thread _thread;
    private readonly BlockingCollection<Action> _work = [];
    private string? _path;

    /// <summary>Starts the thread.</summary>
    /// <param name="files">The mount point of procfs.</param>
    public TracerThread(KernelFiles files)
    {
        _files = files;
        _thread = new Thread(Work) { IsBackground = true, Name = "MemProc tracer" };
        _thread.Start();
    }

    /// <summary>The id of the thread; known to the work that it does.</summary>
    public int Id { get; private set; }

    /// <summary>Does work on the thread and waits for it.</summary>
    public T Run<T>(Func<T> work) => Start(work).GetAwaiter().GetResult();

    /// <summary>Starts work on the thread.</summary>
    public Task<T> Start<T>(Func<T> work)
    {
        TaskCompletionSource<T> result = new();
        _work.Add(() =>
        {
            try
            {
                result.SetResult(work());
            }
            catch (Exception error)
            {
                result.SetException(error);
            }
        });
        return result.Task;
    }

    /// <summary>Ends the thread after the work that was started. The kernel detaches what it still traces.</summary>
    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }

    /// <summary>
    /// Waits after disposal until the kernel has detached threads that did not stop in time. It does so when the tracer
    /// thread exits, slightly after the runtime reports that; until then they could still stop.
    /// </summary>
    public void WaitForDetach()
    {
        if (_path is string path)
        {
            SpinWait.SpinUntil(() => !Directory.Exists($"{_files.Proc}/{path}"));
        }
    }

    private void Work()
    {
        _path = new FileInfo($"{_files.Proc}/thread-self").LinkTarget;
        Id = int.TryParse(Path.GetFileName(_path), out int id) ? id : -1;
        foreach (Action work in _work.GetConsumingEnumerable())
        {
            work();
        }
    }
}
