using System.Globalization;
using System.Runtime.InteropServices;

namespace MemProc.Tests;

/// <summary>
/// Simulates the signal handlers of the .NET runtime. They write the signal's number into a pipe, which a thread of the
/// runtime reads. A handler that was running when signals were suppressed can still write later.
/// </summary>
internal sealed class RuntimeSignals : IDisposable
{
    private const byte SigChld = 17;

    private readonly FileStream _pipe;

    private RuntimeSignals(FileStream pipe) => _pipe = pipe;

    /// <summary>Finds the pipe; skips the test if the kernel does not show the system calls of threads.</summary>
    public static RuntimeSignals Open()
    {
        string? descriptor = null;
        bool isFound = SpinWait.SpinUntil(() => (descriptor = ReadDescriptor()) is not null, TestTimeout.OfSeconds(30));
        Assert.SkipUnless(isFound, "needs /proc/self/task/TID/syscall, and a runtime that waits for signals in read(2)");
        return new RuntimeSignals(
            new FileStream($"/proc/self/fd/{descriptor}", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0));
    }

    /// <summary>Writes SIGCHLD to the pipe, like a late handler.</summary>
    public void WriteSigChld() => _pipe.WriteByte(SigChld);

    /// <inheritdoc/>
    public void Dispose() => _pipe.Dispose();

    /// <summary>Returns the descriptor that the runtime's thread is reading from; null if it is not reading.</summary>
    private static string? ReadDescriptor()
    {
        string read = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? "0" : "63";
        try
        {
            foreach (string thread in Directory.EnumerateDirectories("/proc/self/task"))
            {
                // The system call number, and its arguments.
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
            // The thread has exited, or the kernel does not provide the file.
        }

        return null;
    }
}
