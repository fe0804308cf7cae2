namespace MemProc.Help;

/// <summary>The help page of a cmdlet: everything that a person wrote.</summary>
/// <param name="File">The page's file.</param>
/// <param name="Name">The cmdlet.</param>
/// <param name="Synopsis">What it does, in a sentence.</param>
/// <param name="Description">Paragraphs.</param>
/// <param name="Examples">Examples in the page's order.</param>
/// <param name="Parameters">A section a parameter; their names without the dash.</param>
/// <param name="Inputs">A section a type.</param>
/// <param name="Outputs">A section a type.</param>
/// <param name="Notes">Paragraphs.</param>
/// <param name="Links">Other topics, and pages in the web.</param>
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

/// <summary>A section about one thing.</summary>
/// <param name="Name">The thing.</param>
/// <param name="Line">The heading's line, from 1.</param>
/// <param name="Text">Paragraphs.</param>
internal sealed record HelpEntry(string Name, int Line, IReadOnlyList<string> Text);

/// <summary>An example.</summary>
/// <param name="Title">The whole title: <c>Example 1: ...</c>.</param>
/// <param name="Steps">Commands and what they print, in the order that they are run.</param>
/// <param name="Remarks">Paragraphs.</param>
internal sealed record HelpExample(
    string Title, IReadOnlyList<HelpStep> Steps, IReadOnlyList<string> Remarks);

/// <summary>A block of commands, or what it printed.</summary>
internal sealed record HelpStep(bool IsOutput, string Text);

/// <summary>A link to another topic of Get-Help or to a page in the web.</summary>
/// <param name="Text">The topic, or the page's title with its address.</param>
/// <param name="OnlineAddress">What <c>Get-Help -Online</c> opens; empty but for the link of that purpose.</param>
internal sealed record HelpLink(string Text, string OnlineAddress);
