using MemProc.Cli;
using MemProc.Help;

if (args is ["man", string file, string page])
{
    Problems faults = new();
    string roff = new ManPage(file, faults).Format(CommandLine.Root(), typeof(CommandLine).Assembly.GetName().Version!.ToString(3));
    if (faults.Any)
    {
        faults.Write(Console.Error);
        return 1;
    }

    File.WriteAllText(page, roff);
    return 0;
}

if (args is not [string docs, string assembly, string reference, string output])
{
    Console.Error.WriteLine("Usage: MemProc.Help <docs folder> <assembly of the cmdlets> <PowerShell's reference "
        + "assembly> <output folder>\n       MemProc.Help man <docs/memproc.md> <output file>");
    return 2;
}

Problems problems = new();
HelpPage[] pages = [.. HelpPageReader.ReadAll(docs, problems)];
AboutTopic[] topics = [.. AboutTopic.ReadAll(docs, problems)];
IReadOnlyList<CmdletDescription> cmdlets = CmdletReader.Read(assembly, reference);
HelpCheck.Compare(docs, pages, cmdlets, problems);
if (problems.Any)
{
    problems.Write(Console.Error);
    return 1;
}

Directory.CreateDirectory(output);
MamlWriter.Write(
    Path.Combine(output, $"{Path.GetFileName(assembly)}-Help.xml"),
    cmdlets.Select(cmdlet => (cmdlet, pages.Single(page => page.Name == cmdlet.Name))));
foreach (AboutTopic topic in topics)
{
    File.WriteAllText(Path.Combine(output, $"{topic.Name}.help.txt"), topic.Text);
}

return 0;
