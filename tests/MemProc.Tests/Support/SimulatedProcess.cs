namespace MemProc.Tests;

/// <summary>
/// A simulated procfs of recorded files with one process, as an older or different kernel shows it. Ioctls on its
/// files return ENOTTY, as on older kernels. Its id is that of this test process, which is alive.
/// </summary>
internal sealed class SimulatedProcess : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _home;

    /// <summary>Creates the files that every process has.</summary>
    public SimulatedProcess()
    {
        _home = Path.Combine(_folder.Path, $"{Environment.ProcessId}");
        Directory.CreateDirectory(_home);
        Write("stat", $"{Environment.ProcessId} (simulated) S 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0");
    }

    /// <summary>The paths of the kernel's files.</summary>
    public KernelFiles Files => new(
        Proc: _folder.Path, Sys: Path.Combine(_folder.Path, "sysfs"), Debug: Path.Combine(_folder.Path, "debugfs"));

    /// <summary>Writes one of the process' files.</summary>
    public void Write(string name, string text) => File.WriteAllText(Path.Combine(_home, name), text);

    /// <summary>Writes one of the process' binary files.</summary>
    public void WriteBytes(string name, byte[] content) => File.WriteAllBytes(Path.Combine(_home, name), content);

    /// <summary>Returns the content of one of the process' files.</summary>
    public string Read(string name) => File.ReadAllText(Path.Combine(_home, name));

    /// <summary>Writes a pagemap entry.</summary>
    public void WritePageMap(ulong address, params ulong[] words) =>
        WriteWords(Path.Combine(_home, "pagemap"), address / Page.Size, words);

    /// <summary>Writes entries of a frame table, such as kpageflags.</summary>
    public void WriteFrames(string table, ulong pfn, params ulong[] words) =>
        WriteWords(Path.Combine(_folder.Path, table), pfn, words);

    /// <summary>Writes another file of the kernel, and creates its folders.</summary>
    /// <param name="path">Its path, such as one below <see cref="Files"/>' Sys.</param>
    /// <param name="content">Its content.</param>
    public static void WriteKernelFile(string path, ReadOnlySpan<byte> content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
    }

    /// <summary>Returns what was written to a file of the poison injector.</summary>
    public string ReadDebug(string name) => File.ReadAllText(Path.Combine(Files.Debug, "hwpoison", name));

    /// <summary>Opens the process.</summary>
    public LinuxProcess Open() => LinuxProcess.Open(Environment.ProcessId, files: Files);

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    private static void WriteWords(string path, ulong index, ulong[] words)
    {
        using FileStream file = new(path, FileMode.OpenOrCreate, FileAccess.Write);
        file.Position = (long)(index * sizeof(ulong));
        foreach (ulong word in words)
        {
            file.Write(BitConverter.GetBytes(word));
        }
    }
}
