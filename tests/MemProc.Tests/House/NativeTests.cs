using System.Reflection;
using System.Text.RegularExpressions;

namespace MemProc.Tests;

/// <summary>Checks what the native memproc and its tests rely on, also where the native compiler is missing.</summary>
public sealed partial class NativeTests
{
    /// <summary>
    /// The build analyzes such an assembly for what trimming and the native compiler break, and a warning is an error.
    /// </summary>
    [Theory]
    [InlineData("MemProc.Interop.dll")]
    [InlineData("MemProc.Core.dll")]
    [InlineData("memproc.dll")]
    public void An_assembly_of_memproc_is_analyzed_for_trimming_and_native_code(string assembly)
    {
        string[] files = [.. Directory.GetFiles(RuntimeFolder(), "*.dll"), .. Directory.GetFiles(Path.GetDirectoryName(Programs.Memproc)!, "*.dll")];
        using MetadataLoadContext context = new(new PathAssemblyResolver(files.DistinctBy(Path.GetFileName)));
        string[] keys = [.. context.LoadFromAssemblyPath(Path.Combine(Path.GetDirectoryName(Programs.Memproc)!, assembly))
            .GetCustomAttributesData()
            .Where(data => data.AttributeType.Name == nameof(AssemblyMetadataAttribute)
                && "True".Equals(data.ConstructorArguments[1].Value as string, StringComparison.OrdinalIgnoreCase))
            .Select(data => (string)data.ConstructorArguments[0].Value!)];
        Assert.Contains("IsTrimmable", keys);
    }

    /// <summary>Then they run with the native program too.</summary>
    [Fact]
    public void Tests_of_memproc_start_it_by_its_host()
    {
        string[] files = Directory.GetFiles(Path.Combine(Programs.Remembered("RepoRoot"), "tests/MemProc.Tests/Cli"), "*.cs");
        Assert.Contains(files, file => File.ReadAllText(file).Contains("Programs.MemprocHost", StringComparison.Ordinal));
        Assert.Empty(from file in files
                     from line in File.ReadLines(file)
                     where DotnetStart().IsMatch(line)
                     select $"{Path.GetFileName(file)}: {line.Trim()}");
    }

    /// <summary>Reading the width of the screen in script makes the first output tens of milliseconds slower.</summary>
    [Fact]
    public void Views_pass_the_host_instead_of_reading_its_width()
    {
        string[] views = Directory.GetFiles(Path.Combine(Programs.Remembered("RepoRoot"), "src/MemProc.PowerShell/Views"), "*.ps1xml");
        Assert.Contains(views, view => File.ReadAllText(view).Contains("$Host,", StringComparison.Ordinal));
        Assert.All(views, view => Assert.DoesNotContain("$Host.", File.ReadAllText(view), StringComparison.Ordinal));
    }

    private static string RuntimeFolder() => Path.GetDirectoryName(typeof(object).Assembly.Location)!;

    [GeneratedRegex(@"DotnetHost\.Path.*Programs\.Memproc|Programs\.Remembered\(""MemprocProgram""\)")]
    private static partial Regex DotnetStart();
}
