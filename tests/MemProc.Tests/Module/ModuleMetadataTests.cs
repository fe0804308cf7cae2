using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace MemProc.Tests;

/// <summary>Tests the built module without PowerShell.</summary>
public sealed partial class ModuleMetadataTests
{
    private static readonly string Root = Programs.Remembered("RepoRoot");
    private static readonly string Library = Path.Combine(Root, "lib");

    [Fact]
    public void The_manifest_exports_the_implemented_cmdlets()
    {
        using MetadataLoadContext context = Load();
        Type[] commands = Commands(context);
        Assert.Equal(Manifest("CmdletsToExport"), commands.Select(CmdletName).Order(StringComparer.Ordinal));
        Assert.All(commands, command =>
        {
            Assert.True(command.IsSealed, command.Name);
            Assert.Equal($"{CmdletName(command).Replace("-", "", StringComparison.Ordinal)}Command", command.Name);
            Assert.Contains(command.GetCustomAttributesData(), data => data.AttributeType.Name == "OutputTypeAttribute");
        });
    }

    [Fact]
    public void The_manifest_loads_the_files_of_lib_without_wildcards()
    {
        Assert.True(File.Exists(Path.Combine(Root, Assert.Single(Manifest("RootModule")))));
        Assert.All(Manifest("FormatsToProcess"), file => Assert.True(File.Exists(Path.Combine(Root, file)), file));
        Assert.Equal(Manifest("FormatsToProcess").Select(Path.GetFileName),
            Directory.GetFiles(Path.Combine(Root, "src", "MemProc.PowerShell", "Views"), "*.ps1xml")
                .Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.All(["FunctionsToExport", "VariablesToExport", "AliasesToExport"], key => Assert.Empty(Manifest(key)));
        Assert.Equal(["Iced.dll", "MemProc.Core.dll", "MemProc.Interop.dll", "MemProc.PowerShell.dll", "ZstdSharp.dll"],
            Directory.GetFiles(Library, "*.dll", SearchOption.AllDirectories).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Every_output_about_a_process_has_a_view_that_lists_its_properties()
    {
        using MetadataLoadContext context = Load();
        Type[] outputs = [.. context.LoadFromAssemblyPath(Path.Combine(Library, "MemProc.Core.dll")).GetTypes()
            .Where(type => type is { IsPublic: true, IsAbstract: false } && Bases(type).Any(one => one.Name == "ProcessOutput"))];
        string[] viewed = [.. Directory.GetFiles(Library, "*.format.ps1xml").SelectMany(file => XDocument.Load(file)
            .Descendants("View").Where(view => view.Element("ListControl") is not null || view.Element("CustomControl") is not null)
            .SelectMany(view => view.Descendants("TypeName").Select(name => name.Value)))];
        Assert.True(outputs.Length > 10);
        Assert.Empty(outputs.Select(type => type.FullName).Except(viewed));

        static IEnumerable<Type> Bases(Type type)
        {
            for (Type? one = type.BaseType; one is not null; one = one.BaseType)
            {
                yield return one;
            }
        }
    }

    [Fact]
    public void Front_ends_do_not_refer_to_each_other_and_no_assembly_refers_upward()
    {
        using MetadataLoadContext context = Load();
        string[] References(string name) => [.. context.LoadFromAssemblyPath(Path.Combine(Library, $"{name}.dll"))
            .GetReferencedAssemblies().Select(reference => reference.Name!)
            .Where(reference => reference.StartsWith("MemProc", StringComparison.Ordinal)
                || reference == "System.Management.Automation").Order()];
        Assert.Empty(References("MemProc.Interop"));
        Assert.Equal(["MemProc.Interop"], References("MemProc.Core"));
        Assert.Equal(["MemProc.Core", "MemProc.Interop", "System.Management.Automation"], References("MemProc.PowerShell"));
    }

    [Fact]
    public void Every_view_is_for_a_type_of_the_module_and_its_deserialized_twin()
    {
        using MetadataLoadContext context = Load();
        string[] known = [.. context.LoadFromAssemblyPath(Path.Combine(Library, "MemProc.Core.dll")).GetExportedTypes()
            .Select(type => type.FullName!), "MemProc.Pointer", "MemProc.Text"];
        XElement[] views = Views();
        Assert.NotEmpty(views);
        Assert.All(views, view =>
        {
            string[] names = [.. view.Element("ViewSelectedBy")!.Elements("TypeName").Select(name => name.Value)];
            Assert.Equal(2, names.Length);
            Assert.Contains(names[0], known);
            Assert.Equal($"Deserialized.{names[0]}", names[1]);
        });
    }

    [Fact]
    public void Views_name_properties_that_their_type_has()
    {
        Assembly core = typeof(ProcMap).Assembly;
        foreach (XElement view in Views())
        {
            if (core.GetType(view.Element("ViewSelectedBy")!.Element("TypeName")!.Value) is not Type type)
            {
                continue;
            }

            IEnumerable<string> named = view.Descendants("PropertyName").Select(name => name.Value).Concat(
                view.Descendants("ScriptBlock").SelectMany(block => PropertyOfItem().Matches(block.Value))
                    .Select(match => match.Groups[1].Value));
            Assert.All(named, name => Assert.True(type.GetProperty(name) is not null, $"{type.Name} has no {name}"));
        }
    }

    [Fact]
    public void Properties_keep_their_meaning_after_serialization_by_a_job()
    {
        using MetadataLoadContext context = Load();
        Type[] outputs = [.. Commands(context).SelectMany(command => command.GetCustomAttributesData())
            .Where(data => data.AttributeType.Name == "OutputTypeAttribute")
            .SelectMany(data => (IEnumerable<CustomAttributeTypedArgument>)data.ConstructorArguments[0].Value!)
            .Select(argument => argument.Value).OfType<Type>()];
        Assert.Contains(outputs, type => type.Name == nameof(SoftDirtyClear));
        // PowerShell's serialization supports DateTime; a DateTimeOffset becomes a property bag.
        Assert.All(outputs.SelectMany(type => type.GetProperties()), property => Assert.False(
            property.PropertyType.Name == nameof(DateTimeOffset), $"{property.DeclaringType}.{property.Name}"));
    }

    [Fact]
    public void Every_cmdlet_has_help()
    {
        string help = File.ReadAllText(Path.Combine(Root, "en-US", "MemProc.PowerShell.dll-Help.xml"));
        Assert.All(Manifest("CmdletsToExport"), name =>
        {
            Assert.Contains($"<command:name>{name}</command:name>", help, StringComparison.Ordinal);
            Assert.True(File.Exists(Path.Combine(Root, "docs", $"{name}.md")), name);
        });
        Assert.True(File.Exists(Path.Combine(Root, "en-US", "about_MemProc.help.txt")));
    }

    private static XElement[] Views() => [.. Manifest("FormatsToProcess")
        .SelectMany(file => XDocument.Load(Path.Combine(Root, file)).Descendants("View"))];

    /// <summary>Returns the quoted strings after a key of the manifest.</summary>
    private static string[] Manifest(string key)
    {
        string text = File.ReadAllText(Path.Combine(Root, "MemProc.psd1"));
        Match match = Regex.Match(text, $@"\b{key}\s*=\s*(@\((?<list>[^)]*)\)|(?<list>'[^']*'))");
        Assert.True(match.Success, key);
        return [.. Regex.Matches(match.Groups["list"].Value, "'([^']*)'").Select(quoted => quoted.Groups[1].Value)];
    }

    private static MetadataLoadContext Load() => new(new PathAssemblyResolver(
        Directory.GetFiles(RuntimeEnvironment.GetRuntimeDirectory(), "*.dll")
            .Concat(Directory.GetFiles(Library, "*.dll")).Append(Programs.Remembered("PowerShellReference"))));

    private static Type[] Commands(MetadataLoadContext context) =>
        [.. context.LoadFromAssemblyPath(Path.Combine(Library, "MemProc.PowerShell.dll")).GetTypes()
            .Where(type => type.GetCustomAttributesData().Any(data => data.AttributeType.Name == "CmdletAttribute"))];

    private static string CmdletName(Type command) => string.Join('-', command.GetCustomAttributesData()
        .Single(data => data.AttributeType.Name == "CmdletAttribute").ConstructorArguments.Select(argument => argument.Value));

    [GeneratedRegex(@"\$_\.(\w+)")]
    private static partial Regex PropertyOfItem();
}
