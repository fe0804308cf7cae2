namespace MemProc.Tests;

/// <summary>The memproc that is measured: the native program, or the assembly where the native compiler is missing.</summary>
internal static class MemprocProgram
{
    private static readonly bool IsNative = File.Exists(Programs.Remembered("NativeProgram"));

    /// <summary>Its path.</summary>
    public static string Path { get; } = Programs.Remembered(IsNative ? "NativeProgram" : "MemprocProgram");

    /// <summary>The program that starts it.</summary>
    public static string Host => IsNative ? "/usr/bin/env" : DotnetHost.Path;

    /// <summary>The command that starts it, without a program in between for the native one.</summary>
    public static string[] Command => IsNative ? [Path] : [Host, Path];
}
