using System.Collections.ObjectModel;
using System.Reflection;

namespace MemProc.Help;

/// <summary>
/// Reads the cmdlets of an assembly from its metadata. No code of it is run: PowerShell's reference assembly contains
/// none.
/// </summary>
internal static class CmdletReader
{
    private const string Namespace = "System.Management.Automation.";

    /// <summary>PowerShell's short names of the types that parameters have here.</summary>
    private static readonly Dictionary<string, string> ShortNames = new()
    {
        ["System.Boolean"] = "bool",
        ["System.Byte"] = "byte",
        ["System.Int16"] = "short",
        ["System.UInt16"] = "ushort",
        ["System.Int32"] = "int",
        ["System.UInt32"] = "uint",
        ["System.Int64"] = "long",
        ["System.UInt64"] = "ulong",
        ["System.Single"] = "float",
        ["System.Double"] = "double",
        ["System.String"] = "string",
    };

    /// <summary>Returns the cmdlets, ordered by name.</summary>
    /// <param name="assembly">The assembly; its references are in the same folder.</param>
    /// <param name="powerShell">PowerShell's reference assembly.</param>
    public static IReadOnlyList<CmdletDescription> Read(string assembly, string powerShell)
    {
        string runtime = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        string beside = Path.GetDirectoryName(Path.GetFullPath(assembly))!;
        PathAssemblyResolver resolver = new(
            [.. Directory.GetFiles(runtime, "*.dll"), .. Directory.GetFiles(beside, "*.dll"), powerShell]);
        using MetadataLoadContext context = new(resolver);
        return
        [
            .. from type in context.LoadFromAssemblyPath(assembly).GetTypes()
               let cmdlet = Attributes(type.GetCustomAttributesData(), "CmdletAttribute").FirstOrDefault()
               where cmdlet is not null
               let description = Describe(type, cmdlet)
               orderby description.Name
               select description,
        ];
    }

    private static CmdletDescription Describe(Type type, CustomAttributeData cmdlet)
    {
        List<ParameterDescription> parameters =
        [
            .. from property in type.GetProperties()
               let attributes = property.GetCustomAttributesData()
               let bindings = Attributes(attributes, "ParameterAttribute").ToArray()
               where bindings.Length > 0 && !bindings.All(binding => Named(binding, "DontShow", false))
               select Describe(property, attributes, bindings),
        ];
        if (Named(cmdlet, "SupportsShouldProcess", false))
        {
            parameters.Add(Common("WhatIf", "wi"));
            parameters.Add(Common("Confirm", "cf"));
        }

        string? defaultSet = Named<string?>(cmdlet, "DefaultParameterSetName", null);
        if (IsOfWholeObjects(type, defaultSet))
        {
            parameters = [.. parameters.Select(parameter => parameter with
            {
                Bindings = [.. parameter.Bindings.Where(binding => binding.ParameterSet != defaultSet)],
            })];
            defaultSet = parameters.SelectMany(parameter => parameter.Bindings).Select(binding => binding.ParameterSet)
                .FirstOrDefault(set => set != ParameterBinding.AllSets);
        }

        string[] sets =
        [
            .. parameters.SelectMany(parameter => parameter.Bindings).Select(binding => binding.ParameterSet)
                .Prepend(defaultSet ?? ParameterBinding.AllSets).Distinct(),
        ];
        return new CmdletDescription(
            (string)cmdlet.ConstructorArguments[0].Value!,
            (string)cmdlet.ConstructorArguments[1].Value!,
            // A parameter of all sets does not make a set of its own if there are others.
            sets.Length > 1 ? [.. sets.Where(set => set != ParameterBinding.AllSets)] : sets,
            parameters,
            [
                .. Attributes(type.GetCustomAttributesData(), "OutputTypeAttribute")
                    .SelectMany(output => Values<Type>(output.ConstructorArguments[0]))
                    .Select(output => output.FullName!),
            ]);
    }

    /// <summary>
    /// Returns whether a set differs from others only by a hidden parameter that takes objects from the pipeline as a whole:
    /// it is there for speed, and help does not show it.
    /// </summary>
    private static bool IsOfWholeObjects(Type type, string? set) => set is not null && type.GetProperties()
        .Select(property => Attributes(property.GetCustomAttributesData(), "ParameterAttribute").ToArray())
        .Any(bindings => bindings is [{ } only] && Named(only, "DontShow", false) && Named(only, "ValueFromPipeline", false)
            && Named<string?>(only, "ParameterSetName", null) == set);

    private static ParameterDescription Describe(
        PropertyInfo property, IList<CustomAttributeData> attributes, CustomAttributeData[] bindings)
    {
        Type type = WithoutNullable(property.PropertyType);
        Type element = type.GetElementType() ?? type;
        return new ParameterDescription(
            property.Name,
            ShortName(type),
            type.FullName!,
            [
                .. Attributes(attributes, "AliasAttribute")
                    .SelectMany(alias => Values<string>(alias.ConstructorArguments[0])),
            ],
            element.IsEnum ? element.GetEnumNames() : [],
            Attributes(attributes, "SupportsWildcardsAttribute").Any(),
            [.. bindings.Select(Bind)]);
    }

    private static ParameterBinding Bind(CustomAttributeData parameter) => new(
        Named(parameter, "ParameterSetName", ParameterBinding.AllSets),
        Named(parameter, "Mandatory", false),
        Named<int?>(parameter, "Position", null),
        Named(parameter, "ValueFromPipeline", false),
        Named(parameter, "ValueFromPipelineByPropertyName", false));

    /// <summary>Returns a parameter that PowerShell itself adds.</summary>
    private static ParameterDescription Common(string name, string alias) => new(
        name, "SwitchParameter", $"{Namespace}SwitchParameter", [alias], [], false,
        [new ParameterBinding(ParameterBinding.AllSets, false, null, false, false)]);

    /// <summary>Returns the type as a syntax line shows it: <c>ulong</c>, <c>string[]</c>, <c>Encoding</c>.</summary>
    private static string ShortName(Type type) => type.IsArray
        ? $"{ShortName(type.GetElementType()!)}[]"
        : ShortNames.GetValueOrDefault(type.FullName!, type.Name);

    /// <summary>Returns the type, or the underlying type of a nullable.</summary>
    private static Type WithoutNullable(Type type) =>
        type is { IsGenericType: true, Name: "Nullable`1" } ? type.GetGenericArguments()[0] : type;

    private static IEnumerable<CustomAttributeData> Attributes(IList<CustomAttributeData> all, string name) =>
        all.Where(attribute => attribute.AttributeType.FullName == Namespace + name);

    private static T Named<T>(CustomAttributeData attribute, string name, T otherwise) => attribute.NamedArguments
        .Where(argument => argument.MemberName == name)
        .Select(argument => (T)argument.TypedValue.Value!)
        .FirstOrDefault(otherwise);

    private static IEnumerable<T> Values<T>(CustomAttributeTypedArgument array) =>
        ((ReadOnlyCollection<CustomAttributeTypedArgument>)array.Value!).Select(item => (T)item.Value!);
}
