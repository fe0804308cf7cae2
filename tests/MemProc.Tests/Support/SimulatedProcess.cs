namespace MemProc.Tests;

/// <summary>
/// A procfs of recorded files with one process in it, as an older or another kernel would show it. Ioctls on its
/// files answer ENOTTY, as older kernels do. Its number is this test process' own, which is alive.
/// </summary>
internal sealed class SimulatedProcess : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _home;

    /// <summary>Makes the files that every process has.</summary>
    public SimulatedProcess()
    {
        _home = Path.Combine(_folder.Path, $"{Environment.ProcessId}");
        Directory.CreateDirectory(_home);
        Write("stat", $"{Environment.ProcessId} (simulated) S 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0");
    }

    /// <summary>Where the kernel's files are.</summary>
    public KernelFiles Files => new(Proc: _folder.Path);

    /// <summary>Writes one of the process' files.</summary>
    public void Write(string name, string text) => File.WriteAllText(Path.Combine(_home, name), text);

    /// <summary>Writes a word of pagemap.</summary>
    public void WritePageMap(ulong address, params ulong[] words) =>
        WriteWords(Path.Combine(_home, "pagemap"), address / Page.Size, words);

    /// <summary>Writes words of a frame table, such as kpageflags.</summary>
    public void WriteFrames(string table, ulong pfn, params ulong[] words) =>
        WriteWords(Path.Combine(_folder.Path, table), pfn, words);

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
