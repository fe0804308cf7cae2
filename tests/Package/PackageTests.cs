using System.IO.Compression;

namespace MemProc.Tests;

/// <summary>
/// Tests the packages that <c>build.ps1 -Task Package</c> writes: each is installed into an empty folder by an empty user,
/// without a network, and used.
/// </summary>
/// <param name="packages">The packages.</param>
public sealed class PackageTests(PackageFixture packages) : IClassFixture<PackageFixture>
{
    private const string UseModule = "$map = Get-ProcMap -Kind Heap; if (!$map.SizeBytes) { throw 'no heap' }; "
        + "(Get-Command -Module MemProc).Count; (Get-Help Get-ProcMap).Synopsis -replace '\\s+', ' '; (Get-Module MemProc).Version.ToString(); "
        + "(Get-ProcMap | Select-Object -First 1 | Out-String).Trim()";

    [Fact]
    public void The_module_folder_is_imported()
    {
        string folder = packages.Path("MemProc");
        AssertModule(packages.Pwsh($"Import-Module '{folder}/{packages.Version}/MemProc.psd1'; {UseModule}"));
        Assert.DoesNotContain(Directory.GetFiles(folder, "System.Management.Automation*", SearchOption.AllDirectories), _ => true);
    }

    [Fact]
    public void The_zip_file_is_unpacked_into_a_module_folder()
    {
        using TemporaryFolder modules = new();
        ZipFile.ExtractToDirectory(packages.Path($"MemProc-{packages.Version}.zip"), modules.Path);
        AssertModule(packages.Pwsh($"$env:PSModulePath = '{modules.Path}'; Import-Module MemProc; {UseModule}"));
    }

    [Fact]
    public void Install_PSResource_installs_the_module_from_a_local_repository()
    {
        string output = packages.Pwsh($$"""
            $ProgressPreference = 'SilentlyContinue'
            Register-PSResourceRepository -Name Local -Uri '{{packages.Folder}}' -Trusted
            Install-PSResource MemProc -Repository Local
            (Get-InstalledPSResource MemProc).InstalledLocation.StartsWith($HOME)
            {{UseModule}}
            Uninstall-PSResource MemProc
            @(Get-InstalledPSResource MemProc -ErrorAction Ignore).Count
            """);
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("True", lines[0]);
        Assert.Equal("0", lines[^1]);
        AssertModule(string.Join('\n', lines[1..^1]));
    }

    [Fact]
    public void The_tool_package_is_installed_by_dotnet()
    {
        using TemporaryFolder tools = new();
        packages.Run(DotnetHost.Path, "tool", "install", "MemProc.Cli", "--tool-path", tools.Path, "--source", packages.Folder,
            "--version", packages.Version);
        string memproc = Path.Combine(tools.Path, "memproc");
        Assert.Equal(packages.Version, packages.Run(memproc, "--version").Trim());
        Assert.Contains("[stack]", packages.Run(memproc, "map", "self"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_archive_of_the_native_program_is_unpacked_and_used()
    {
        _ = Programs.Memproc;
        using TemporaryFolder prefix = new();
        string name = $"memproc-{packages.Version}-{packages.Runtime}";
        packages.Run(Requires.Tool("tar"), "--extract", "--file", packages.Path($"{name}.tar.gz"), "--directory", prefix.Path,
            "--strip-components", "1");
        Assert.Equal(
            ["bin/memproc", "share/bash-completion/completions/memproc", "share/doc/memproc/LICENSE",
                "share/fish/vendor_completions.d/memproc.fish", "share/man/man1/memproc.1", "share/zsh/site-functions/_memproc"],
            Directory.GetFiles(prefix.Path, "*", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(prefix.Path, file)).Order(StringComparer.Ordinal));
        string memproc = Path.Combine(prefix.Path, "bin/memproc");
        Assert.Equal(packages.Version, packages.Run(memproc, "--version").Trim());
        Assert.Contains("[stack]", packages.Run(memproc, "map", "self"), StringComparison.Ordinal);
        foreach ((string shell, string script) in ((string, string)[])
            [("bash", "bash-completion/completions/memproc"), ("zsh", "zsh/site-functions/_memproc"),
                ("fish", "fish/vendor_completions.d/memproc.fish")])
        {
            Assert.Equal(packages.Run(memproc, "completion", shell), File.ReadAllText(Path.Combine(prefix.Path, "share", script)));
        }
    }

    /// <summary>What cannot be built for the other machine is left out with the reason.</summary>
    [Fact]
    public void A_native_program_that_is_left_out_has_a_reason()
    {
        foreach (string runtime in (string[])["linux-x64", "linux-arm64"])
        {
            bool isThere = File.Exists(packages.Path($"memproc-{packages.Version}-{runtime}.tar.gz"));
            Assert.NotEqual(isThere, packages.Log.Contains($"memproc for {runtime} is left out: ", StringComparison.Ordinal));
        }
    }

    private void AssertModule(string output)
    {
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(int.Parse(lines[0]) > 30, output);
        Assert.StartsWith("Gets the mappings", lines[1], StringComparison.Ordinal);
        Assert.Equal(packages.Version, lines[2]);
        // The view: hexadecimal addresses below the name of the process.
        Assert.StartsWith("Process: ", lines[3], StringComparison.Ordinal);
        Assert.StartsWith("0x", lines[^1], StringComparison.Ordinal);
    }
}

/// <summary>The packages, written once for all tests, and a user without files, settings and network.</summary>
public sealed class PackageFixture : IDisposable
{
    /// <summary>The command that starts another one without a network; none where that is not allowed.</summary>
    private static readonly Lazy<string[]> WithoutNetwork = new(() =>
        File.Exists("/usr/bin/unshare") && Shell.Try("/usr/bin/unshare", ["--net", "/bin/true"]).ExitCode == 0
            ? ["/usr/bin/unshare", "--net"]
            : []);

    private readonly TemporaryFolder _folder = new();
    private readonly TemporaryFolder _home = new();
    private readonly string _root = Programs.Remembered("RepoRoot");

    public PackageFixture()
    {
        // -NoBuild: the build of the tests has built everything.
        Log = Run(DotnetHost.Path, Programs.Remembered("PwshProgram"), "-NoProfile", "-File", $"{_root}build.ps1", "-Task", "Package",
            "-Configuration", Programs.Remembered("Configuration"), "-OutputFolder", Folder, "-NoBuild");
    }

    /// <summary>The folder of the packages.</summary>
    public string Folder => _folder.Path;

    /// <summary>What the script printed.</summary>
    public string Log { get; }

    /// <summary>The version in the names of packages.</summary>
    public string Version { get; } = typeof(LinuxProcess).Assembly.GetName().Version!.ToString(3);

    /// <summary>The name of this machine in the names of packages.</summary>
    public string Runtime { get; } = Programs.Remembered("NativeProgram").Split("release_")[1].Split('/')[0];

    /// <summary>Returns the path of a package.</summary>
    public string Path(string name) => System.IO.Path.Combine(Folder, name);

    /// <summary>Runs commands in a PowerShell of the empty user.</summary>
    public string Pwsh(string command) => Run(DotnetHost.Path, Programs.Remembered("PwshProgram"), "-NoProfile", "-NonInteractive",
        "-Command", $"$ErrorActionPreference = 'Stop'; {command}");

    /// <summary>Runs a program as the empty user: with an empty home and, where that is allowed, without a network.</summary>
    /// <returns>Its output.</returns>
    public string Run(string program, params string[] arguments)
    {
        string dotnet = System.IO.Path.GetDirectoryName(DotnetHost.Path)!;
        return Shell.Run(Requires.Tool("env"), ["--ignore-environment", $"HOME={_home.Path}", $"DOTNET_CLI_HOME={_home.Path}",
            $"PATH={dotnet}:/usr/bin:/bin", $"DOTNET_ROOT={dotnet}", "DOTNET_NOLOGO=1", "DOTNET_CLI_TELEMETRY_OPTOUT=1", "NO_COLOR=1",
            "POWERSHELL_TELEMETRY_OPTOUT=1", .. WithoutNetwork.Value, program, .. arguments]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _folder.Dispose();
        _home.Dispose();
    }
}
