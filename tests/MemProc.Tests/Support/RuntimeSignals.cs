using System.Globalization;
using System.Runtime.InteropServices;

namespace MemProc.Tests;

/// <summary>
/// What the runtime's handlers of signals do: they write the signal's number into a pipe, which a thread of the runtime
/// reads. A handler that was under way when signals were silenced still does so, however late; this does it when told.
/// </summary>
internal sealed class RuntimeSignals : IDisposable
{
    private const byte SigChld = 17;

    private readonly FileStream _pipe;

    private RuntimeSignals(FileStream pipe) => _pipe = pipe;

    /// <summary>Finds the pipe, or skips the test where the kernel does not tell what threads wait for.</summary>
    public static RuntimeSignals Open()
    {
        string? descriptor = null;
        bool isFound = SpinWait.SpinUntil(() => (descriptor = ReadDescriptor()) is not null, TimeSpan.FromSeconds(30));
        Assert.SkipUnless(isFound, "needs /proc/self/task/TID/syscall, and a runtime that waits for signals in read(2)");
        return new RuntimeSignals(
            new FileStream($"/proc/self/fd/{descriptor}", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0));
    }

    /// <summary>Does what a late handler of SIGCHLD does.</summary>
    public void TellOfChildren() => _pipe.WriteByte(SigChld);

    /// <inheritdoc/>
    public void Dispose() => _pipe.Dispose();

    /// <summary>The end that the runtime's thread reads from, while it does.</summary>
    private static string? ReadDescriptor()
    {
        string read = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? "0" : "63";
        try
        {
            foreach (string thread in Directory.EnumerateDirectories("/proc/self/task"))
            {
                // The number of the system call, and its arguments.
                if (File.ReadAllText($"{thread}/comm") == ".NET SigHandler\n"
                    && File.ReadAllText($"{thread}/syscall").Split(' ') is [string call, string file, ..] && call == read)
                {
                    return int.Parse(file.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture).ToString(
                        CultureInfo.InvariantCulture);
                }
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A thread that has ended meanwhile; or a kernel that does not tell.
        }

        return null;
    }
}
