namespace MemProc.Help;

/// <summary>What the assembly says of a cmdlet.</summary>
/// <param name="Verb">The name's first half.</param>
/// <param name="Noun">The name's second half.</param>
/// <param name="ParameterSets">Names of the parameter sets, the default one first.</param>
/// <param name="Parameters">All parameters that are shown, in the order that PowerShell has them.</param>
/// <param name="OutputTypes">Full names of what it writes.</param>
internal sealed record CmdletDescription(
    string Verb,
    string Noun,
    IReadOnlyList<string> ParameterSets,
    IReadOnlyList<ParameterDescription> Parameters,
    IReadOnlyList<string> OutputTypes)
{
    public string Name => $"{Verb}-{Noun}";

    /// <summary>
    /// The parameters of a set as <c>Get-Command -Syntax</c> orders them: by position, then the mandatory ones, then
    /// the others.
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
/// <param name="Values">The names that it takes, where it is of an enumeration.</param>
/// <param name="HasWildcards">It takes wildcards.</param>
/// <param name="Bindings">How it is bound, by parameter set.</param>
internal sealed record ParameterDescription(
    string Name,
    string TypeName,
    string TypeFullName,
    IReadOnlyList<string> Aliases,
    IReadOnlyList<string> Values,
    bool HasWildcards,
    IReadOnlyList<ParameterBinding> Bindings)
{
    public bool IsSwitch => TypeName == "SwitchParameter";

    /// <summary>How it is bound in a parameter set; null where it is no part of that.</summary>
    public ParameterBinding? In(string parameterSet) =>
        Bindings.FirstOrDefault(binding => binding.ParameterSet == parameterSet)
        ?? Bindings.FirstOrDefault(binding => binding.ParameterSet == ParameterBinding.AllSets);
}

/// <summary>How a parameter is bound in a parameter set.</summary>
/// <param name="ParameterSet">The set's name.</param>
/// <param name="IsMandatory">It has to be given.</param>
/// <param name="Position">Its position from 0; null where it has to be named.</param>
/// <param name="ByValue">It takes objects from the pipeline.</param>
/// <param name="ByPropertyName">It takes a property of objects from the pipeline.</param>
internal sealed record ParameterBinding(
    string ParameterSet, bool IsMandatory, int? Position, bool ByValue, bool ByPropertyName)
{
    /// <summary>PowerShell's name for all parameter sets.</summary>
    public const string AllSets = "__AllParameterSets";

    /// <summary>Where its value may come from, in Get-Help's words.</summary>
    public string PipelineInput => (ByValue, ByPropertyName) switch
    {
        (true, true) => "true (ByValue, ByPropertyName)",
        (true, false) => "true (ByValue)",
        (false, true) => "true (ByPropertyName)",
        _ => "false",
    };
}
