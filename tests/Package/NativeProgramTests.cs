using System.Runtime.InteropServices;

namespace MemProc.Tests;

/// <summary>Tests the native memproc itself. The tests of its commands are those of MemProc.Tests/Cli.</summary>
public sealed class NativeProgramTests
{
    [Fact]
    public void It_is_published_or_the_reason_is_known()
    {
        Assert.NotEqual(MemprocProgram.MissingReason is null, File.Exists(Programs.Remembered("NativeProgram")) is false);
        Assert.NotEqual("", MemprocProgram.MissingReason);
    }

    [Fact]
    public void It_is_an_executable_that_starts_without_a_runtime()
    {
        using (ElfFile file = ElfFile.Open(Programs.Memproc))
        {
            Assert.Equal(
                RuntimeInformation.OSArchitecture == Architecture.Arm64 ? ElfMachine.Arm64 : ElfMachine.X64, file.Header.Machine);
        }

        // Without variables, no .NET is found.
        (int exitCode, string output, string errors) = Shell.Try(
            Requires.Tool("env"), ["--ignore-environment", Programs.Memproc, "map", "self", "--json"]);
        Assert.Equal((0, ""), (exitCode, errors));
        Assert.Contains("memproc", output, StringComparison.Ordinal);
        Assert.DoesNotContain("libcoreclr", output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_assembly_and_the_native_program_have_the_same_help()
    {
        string[] assembly = [Programs.Remembered("MemprocProgram")];
        foreach (string[] command in (string[][])[[], ["search"], ["elf", "symbols"], ["completion", "zsh"]])
        {
            Assert.Equal(
                Shell.Run(DotnetHost.Path, [.. assembly, .. command, "--help"]),
                Shell.Run(Programs.MemprocHost, [Programs.Memproc, .. command, "--help"]));
        }
    }
}
