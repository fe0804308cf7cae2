using System.Diagnostics;

namespace MemProc.Tests;

/// <summary>
/// A small C program that a test has compiled. It reports an address when it is ready, and runs until it is disposed.
/// </summary>
internal sealed class SmallProgram : IDisposable
{
    /// <summary>Maps two pages of code that no file backs, and reports their address.</summary>
    public const string Code = """
        #include <stdio.h>
        #include <sys/mman.h>
        #include <unistd.h>
        int main(void)
        {
            printf("%p\n", mmap(0, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
            fflush(stdout);
            for (;;)
                pause();
        }
        """;

    private readonly Process _process;

    /// <summary>Starts a command and waits for the address.</summary>
    /// <param name="command">The program and its arguments; it can be started by another one that becomes it.</param>
    public SmallProgram(params string[] command)
    {
        _process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true })!;
        string? line = _process.StandardOutput.ReadLine();
        if (line is null)
        {
            Dispose();
            Assert.Fail($"{string.Join(' ', command)} did not start");
        }

        Address = Convert.ToUInt64(line, 16);
    }

    /// <summary>The process id.</summary>
    public int ProcessId => _process.Id;

    /// <summary>The address that it has reported.</summary>
    public ulong Address { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.WaitForExit();
        _process.Dispose();
    }
}
