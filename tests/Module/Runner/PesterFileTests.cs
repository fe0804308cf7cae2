using System.Text.RegularExpressions;

namespace MemProc.ModuleTests;

/// <summary>Checks that each cmdlet has a Pester file.</summary>
public sealed partial class PesterFileTests
{
    public static TheoryData<string> Cmdlets =>
        [.. CmdletsToExport().Match(File.ReadAllText(Path.Combine(PesterFiles.RepoRoot, "MemProc.psd1"))).Groups[1].Captures
            .Select(cmdlet => cmdlet.Value)];

    [Theory]
    [MemberData(nameof(Cmdlets))]
    public void Each_cmdlet_has_a_file_with_tests_named_after_it(string cmdlet)
    {
        string file = $"{cmdlet.Replace("-", "", StringComparison.Ordinal)}.Tests.ps1";
        Assert.Contains(file, PesterFiles.Names);
        PesterReply discovered = PesterFiles.Discover(file);
        Assert.Empty(discovered.Error);
        Assert.Contains(discovered.Tests, test => test.Name.StartsWith(cmdlet, StringComparison.Ordinal));
    }

    // 'Get-A' 'Get-B' …, one cmdlet per line.
    [GeneratedRegex(@"CmdletsToExport\s*=\s*@\((?:\s*'([\w-]+)')+\s*\)")]
    private static partial Regex CmdletsToExport();
}
