using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace MemProc.PowerShell;

/// <summary>Finds the process that an incomplete command line is about, for completion. Nothing on it is executed.</summary>
internal static class CommandLineProcess
{
    private static readonly string[] IdParameters = ["Id", "PID", "ProcessId", "InputObject"];

    /// <summary>
    /// Returns the process that -Id or -Name give, or that the left side of the pipeline names; null where none is known.
    /// </summary>
    /// <param name="boundParameters">The parameters of the command so far.</param>
    /// <param name="command">The command; null: unknown.</param>
    public static int? Find(IDictionary boundParameters, CommandAst? command) => OfParameters(boundParameters) ?? FromPipeline(command);

    /// <summary>Whether the command has -Id, or another command of the pipeline brings processes.</summary>
    public static bool IsKnown(IDictionary boundParameters, CommandAst? command) => Find(boundParameters, command) is not null;

    private static int? OfParameters(IDictionary boundParameters)
    {
        foreach (string name in IdParameters)
        {
            if (boundParameters[name] is { } value && Selected(value) is int id)
            {
                return id;
            }
        }

        return boundParameters["Name"] is { } names ? Named($"{First(names)}") : null;
    }

    /// <summary>Returns the process that the nearest command or expression on the left names.</summary>
    private static int? FromPipeline(CommandAst? command)
    {
        if (command?.Parent is not PipelineAst pipeline)
        {
            return null;
        }

        for (int index = pipeline.PipelineElements.IndexOf(command) - 1; index >= 0; index--)
        {
            int? found = pipeline.PipelineElements[index] switch
            {
                CommandAst left => OfCommand(left),
                CommandExpressionAst left => Selected(left.Expression),
                _ => null,
            };
            if (found is not null)
            {
                return found;
            }
        }

        return null;
    }

    private static int? OfCommand(CommandAst command)
    {
        Dictionary<string, object?> bound = new(StringComparer.OrdinalIgnoreCase);
        foreach ((string name, ParameterBindingResult result) in StaticParameterBinder.BindCommand(command, resolve: true).BoundParameters)
        {
            bound[name] = result.ConstantValue ?? result.Value;
        }

        return OfParameters(bound);
    }

    /// <summary>Returns the process of a value of -Id: an id, a name, an object, or the text of one.</summary>
    private static int? Selected(object value)
    {
        switch (First(value))
        {
            case ConstantExpressionAst constant:
                return Selected(constant.Value);
            case ArrayLiteralAst { Elements: [{ } first, ..] }:
                return Selected(first);
            case VariableExpressionAst variable:
                return Variable(variable.VariablePath.UserPath) is { } content ? Selected(content) : null;
            case Ast or null:
                return null;
            case System.Diagnostics.Process process:
                return process.Id;
            case string text when !LanguagePrimitives.TryConvertTo(text, out int _):
                return Named(text);
            case var item when LanguagePrimitives.TryConvertTo(item, out int id):
                return id > 0 ? id : null;
            case var item:
                return IdOf(PSObject.AsPSObject(item));
        }
    }

    private static int? IdOf(PSObject item)
    {
        try
        {
            return ProcessObjects.ProcessOf(item)?.Id;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static int? Named(string name)
    {
        Func<string, bool> matches = Wildcard.Test(name, WildcardOptions.IgnoreCase);
        foreach (int id in ProcessList.Ids())
        {
            if (ProcessList.Name(id) is string found && matches(found) && !ProcessList.IsKernelThread(id))
            {
                return id;
            }
        }

        return null;
    }

    private static object? First(object value) =>
        InputValues.Unwrap(value) is IEnumerable many and not string and not Ast ? many.Cast<object?>().FirstOrDefault() : InputValues.Unwrap(value);

    /// <summary>Returns the value of a variable of the session; null where there is none.</summary>
    private static object? Variable(string name)
    {
        if (name.Equals("PID", StringComparison.OrdinalIgnoreCase))
        {
            return LinuxProcess.OwnId;
        }

        try
        {
            using System.Management.Automation.PowerShell shell = System.Management.Automation.PowerShell.Create(RunspaceMode.CurrentRunspace);
            return shell.AddCommand("Get-Variable").AddParameter("Name", WildcardPattern.Escape(name)).AddParameter("ValueOnly")
                .AddParameter("ErrorAction", ActionPreference.Ignore).Invoke().FirstOrDefault();
        }
        catch (RuntimeException)
        {
            return null;
        }
    }
}
