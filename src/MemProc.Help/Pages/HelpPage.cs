namespace MemProc.Help;

/// <summary>The help page of a cmdlet: the part of its help that is written by hand.</summary>
/// <param name="File">The page's file.</param>
/// <param name="Name">Name of the cmdlet.</param>
/// <param name="Synopsis">What it does, in one sentence.</param>
/// <param name="Description">Paragraphs.</param>
/// <param name="Examples">Examples in the page's order.</param>
/// <param name="Parameters">A section for each parameter; names without the dash.</param>
/// <param name="Inputs">A section for each type.</param>
/// <param name="Outputs">A section for each type.</param>
/// <param name="Notes">Paragraphs.</param>
/// <param name="Links">Other topics and web pages.</param>
internal sealed record HelpPage(
    string File,
    string Name,
    IReadOnlyList<string> Synopsis,
    IReadOnlyList<string> Description,
    IReadOnlyList<HelpExample> Examples,
    IReadOnlyList<HelpEntry> Parameters,
    IReadOnlyList<HelpEntry> Inputs,
    IReadOnlyList<HelpEntry> Outputs,
    IReadOnlyList<string> Notes,
    IReadOnlyList<HelpLink> Links);

/// <summary>A section about one parameter or type.</summary>
/// <param name="Name">The parameter or type.</param>
/// <param name="Line">The heading's line, from 1.</param>
/// <param name="Text">Paragraphs.</param>
internal sealed record HelpEntry(string Name, int Line, IReadOnlyList<string> Text);

/// <summary>An example.</summary>
/// <param name="Title">The whole title: <c>Example 1: ...</c>.</param>
/// <param name="Steps">Commands and their output, in order.</param>
/// <param name="Remarks">Paragraphs.</param>
internal sealed record HelpExample(
    string Title, IReadOnlyList<HelpStep> Steps, IReadOnlyList<string> Remarks);

/// <summary>A block of commands, or their output.</summary>
internal sealed record HelpStep(bool IsOutput, string Text);

/// <summary>A link to another topic of Get-Help or to a web page.</summary>
/// <param name="Text">The topic, or the page's title with its address.</param>
/// <param name="OnlineAddress">The address that <c>Get-Help -Online</c> opens; empty for all other links.</param>
internal sealed record HelpLink(string Text, string OnlineAddress);
