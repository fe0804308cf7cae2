using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace MemProc.Tests;

/// <summary>Checks the references of the assemblies that users load.</summary>
public sealed class ReferenceTests
{
    /// <summary>.NET ends a process that uses cryptography on a machine without OpenSSL.</summary>
    [Fact]
    public void No_assembly_of_the_module_or_of_memproc_refers_to_cryptography()
    {
        string[] files = [.. Directory.GetFiles(Path.Combine(Programs.Remembered("RepoRoot"), "lib"), "*.dll"),
            .. Directory.GetFiles(Path.GetDirectoryName(Programs.Memproc)!, "*.dll")];
        string[] names = [.. files.Select(file => Path.GetFileName(file))];
        Assert.Contains("MemProc.PowerShell.dll", names);
        Assert.Contains("memproc.dll", names);
        Assert.All(files, file => Assert.DoesNotContain(References(file),
            name => name.StartsWith("System.Security.Cryptography", StringComparison.Ordinal)));
        // The reader finds references.
        Assert.Contains("MemProc.Core", References(files.First(file => Path.GetFileName(file) == "MemProc.PowerShell.dll")));
    }

    private static string[] References(string file)
    {
        using PEReader reader = new(File.OpenRead(file));
        MetadataReader metadata = reader.GetMetadataReader();
        return [.. metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))];
    }
}
