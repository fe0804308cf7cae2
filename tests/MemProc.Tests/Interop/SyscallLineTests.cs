using System.Text;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests lines of <c>/proc/PID/task/TID/syscall</c>.</summary>
public sealed class SyscallLineTests
{
    [Theory]
    [InlineData("270 0xfb 0x7ffc2bb20a60 0x0 0x0 0x1 0x2 0x7ffc2bb20940 0x7f0cdfb61aec\n", 0x7ffc2bb20940UL)]
    [InlineData("-1 0x7ffc2bb20940 0x7f0cdfb61aec\n", 0x7ffc2bb20940UL)]
    public void Sleeping_threads_have_a_stack_pointer(string line, ulong expected)
    {
        Assert.True(SyscallLine.TryParse(Encoding.ASCII.GetBytes(line), out ulong pointer));
        Assert.Equal(expected, pointer);
    }

    [Theory]
    [InlineData("-1 0x0 0x0\n")]
    [InlineData("0x7f 12 0x7f0cdfb61aec\n")]
    [InlineData("-1 0x 0x7f0cdfb61aec\n")]
    [InlineData("running\n")]
    [InlineData("")]
    public void Other_threads_have_no_stack_pointer(string line) =>
        Assert.False(SyscallLine.TryParse(Encoding.ASCII.GetBytes(line), out _));
}
