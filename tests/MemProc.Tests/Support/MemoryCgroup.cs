namespace MemProc.Tests;

/// <summary>
/// A new memory cgroup in the machine's hierarchy, of version 1 or 2, until it is disposed. If it cannot be created
/// the test is skipped.
/// </summary>
internal sealed class MemoryCgroup : IDisposable
{
    private static readonly TimeSpan Timeout = TestTimeout.OfSeconds(30);

    private readonly string _root;
    private bool _isRemoved;

    /// <summary>Creates the cgroup.</summary>
    public MemoryCgroup()
    {
        Requires.Root();
        string? root = CgroupTree.Load().MountPoint;
        Assert.SkipWhen(root is null, "needs a mounted hierarchy of memory cgroups");
        _root = root;
        Name = $"memproc-test-{Guid.NewGuid():n}";
        Folder = Path.Combine(root, Name);
        try
        {
            Directory.CreateDirectory(Folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Assert.Skip($"needs a new memory cgroup: {error.Message}");
        }

        if (!File.Exists(Path.Combine(Folder, "memory.usage_in_bytes"))
            && !File.Exists(Path.Combine(Folder, "memory.current")))
        {
            Remove();
            Assert.Skip("needs the memory controller for cgroups below the root");
        }
    }

    /// <summary>Its name, which is unique.</summary>
    public string Name { get; }

    /// <summary>Its folder.</summary>
    public string Folder { get; }

    /// <summary>Moves a process into it; new pages of the process are charged to it.</summary>
    public void Add(int processId) => File.WriteAllText(Path.Combine(Folder, "cgroup.procs"), $"{processId}");

    /// <summary>Removes it. A remaining process moves back to the root.</summary>
    public void Remove()
    {
        if (_isRemoved)
        {
            return;
        }

        Assert.True(SpinWait.SpinUntil(TryRemove, Timeout), $"{Folder} cannot be removed");
        _isRemoved = true;
    }

    /// <inheritdoc/>
    public void Dispose() => Remove();

    private bool TryRemove()
    {
        try
        {
            foreach (string process in File.ReadAllLines(Path.Combine(Folder, "cgroup.procs")))
            {
                File.WriteAllText(Path.Combine(_root, "cgroup.procs"), process);
            }

            Directory.Delete(Folder);
            return true;
        }
        catch (IOException)
        {
            // An exiting process counts until it has exited.
            return false;
        }
    }
}
