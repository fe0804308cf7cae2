namespace MemProc.Help;

/// <summary>A cmdlet, as the assembly declares it.</summary>
/// <param name="Verb">The verb of its name.</param>
/// <param name="Noun">The noun of its name.</param>
/// <param name="ParameterSets">Names of the parameter sets, the default one first.</param>
/// <param name="Parameters">All parameters that are shown, in PowerShell's order.</param>
/// <param name="OutputTypes">Full names of its output types.</param>
internal sealed record CmdletDescription(
    string Verb,
    string Noun,
    IReadOnlyList<string> ParameterSets,
    IReadOnlyList<ParameterDescription> Parameters,
    IReadOnlyList<string> OutputTypes)
{
    /// <summary>Its name.</summary>
    public string Name => $"{Verb}-{Noun}";

    /// <summary>
    /// Returns the parameters of a set in the order of <c>Get-Command -Syntax</c>: by position, then the mandatory ones,
    /// then the others.
    /// </summary>
    public IEnumerable<(ParameterDescription Parameter, ParameterBinding Binding)> Syntax(string parameterSet) =>
        from parameter in Parameters
        let binding = parameter.In(parameterSet)
        where binding is not null
        orderby binding.Position ?? int.MaxValue, binding.IsMandatory descending
        select (parameter, binding);
}

/// <summary>A parameter.</summary>
/// <param name="Name">Its name.</param>
/// <param name="TypeName">Its type as PowerShell writes it: <c>ulong</c>, <c>string[]</c>.</param>
/// <param name="TypeFullName">The type's full name.</param>
/// <param name="Aliases">Its aliases.</param>
/// <param name="Values">The names of its enumeration; empty for other types.</param>
/// <param name="HasWildcards">It accepts wildcards.</param>
/// <param name="Bindings">Its binding in each parameter set.</param>
internal sealed record ParameterDescription(
    string Name,
    string TypeName,
    string TypeFullName,
    IReadOnlyList<string> Aliases,
    IReadOnlyList<string> Values,
    bool HasWildcards,
    IReadOnlyList<ParameterBinding> Bindings)
{
    /// <summary>It is a switch.</summary>
    public bool IsSwitch => TypeName == "SwitchParameter";

    /// <summary>Returns its binding in a parameter set; null if it does not belong to the set.</summary>
    public ParameterBinding? In(string parameterSet) =>
        Bindings.FirstOrDefault(binding => binding.ParameterSet == parameterSet)
        ?? Bindings.FirstOrDefault(binding => binding.ParameterSet == ParameterBinding.AllSets);
}

/// <summary>The binding of a parameter in a parameter set.</summary>
/// <param name="ParameterSet">The set's name.</param>
/// <param name="IsMandatory">It is mandatory.</param>
/// <param name="Position">Its position from 0; null if it must be named.</param>
/// <param name="ByValue">It accepts objects from the pipeline.</param>
/// <param name="ByPropertyName">It accepts a property of objects from the pipeline.</param>
internal sealed record ParameterBinding(
    string ParameterSet, bool IsMandatory, int? Position, bool ByValue, bool ByPropertyName)
{
    /// <summary>PowerShell's name for all parameter sets.</summary>
    public const string AllSets = "__AllParameterSets";

    /// <summary>Whether it accepts pipeline input, in Get-Help's words.</summary>
    public string PipelineInput => (ByValue, ByPropertyName) switch
    {
        (true, true) => "true (ByValue, ByPropertyName)",
        (true, false) => "true (ByValue)",
        (false, true) => "true (ByPropertyName)",
        _ => "false",
    };
}
