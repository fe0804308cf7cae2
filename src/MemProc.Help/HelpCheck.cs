namespace MemProc.Help;

/// <summary>Compares help pages with the cmdlets of the assembly.</summary>
internal static class HelpCheck
{
    private const int MinExamples = 2;

    /// <summary>Adds a problem for each difference between pages and cmdlets.</summary>
    /// <param name="folder">The folder of the pages.</param>
    /// <param name="pages">The pages.</param>
    /// <param name="cmdlets">The cmdlets.</param>
    /// <param name="problems">Receives the problems.</param>
    public static void Compare(
        string folder, IReadOnlyList<HelpPage> pages, IReadOnlyList<CmdletDescription> cmdlets, Problems problems)
    {
        foreach (CmdletDescription cmdlet in cmdlets)
        {
            if (pages.FirstOrDefault(page => page.Name == cmdlet.Name) is HelpPage page)
            {
                Compare(page, cmdlet, problems);
            }
            else
            {
                problems.Add(Path.Combine(folder, $"{cmdlet.Name}.md"), 1, $"{cmdlet.Name} has no help page.");
            }
        }

        foreach (HelpPage page in pages.Where(page => cmdlets.All(cmdlet => cmdlet.Name != page.Name)))
        {
            problems.Add(page.File, 1, $"The assembly has no cmdlet {page.Name}.");
        }
    }

    private static void Compare(HelpPage page, CmdletDescription cmdlet, Problems problems)
    {
        string[] parameters = [.. cmdlet.Parameters.Select(parameter => parameter.Name)];
        Match(page, page.Parameters, parameters, "parameter -", problems);
        Match(page, page.Outputs, cmdlet.OutputTypes, "output type ", problems);
        if (page.Synopsis.Count != 1)
        {
            problems.Add(page.File, 1, "The synopsis must be one sentence.");
        }

        if (page.Examples.Count < MinExamples)
        {
            problems.Add(page.File, 1, $"A page must have at least {MinExamples} examples.");
        }
    }

    private static void Match(
        HelpPage page, IReadOnlyList<HelpEntry> entries, IReadOnlyList<string> names, string what, Problems problems)
    {
        foreach (string name in names.Except(entries.Select(entry => entry.Name)))
        {
            problems.Add(page.File, 1, $"The {what}{name} has no section.");
        }

        foreach (HelpEntry entry in entries.Where(entry => !names.Contains(entry.Name)))
        {
            problems.Add(page.File, entry.Line, $"{page.Name} has no {what}{entry.Name}.");
        }

        foreach (HelpEntry entry in entries.Except(entries.DistinctBy(entry => entry.Name)))
        {
            problems.Add(page.File, entry.Line, $"The {what}{entry.Name} has another section already.");
        }
    }
}
