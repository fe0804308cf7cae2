using System.Text;
using System.Xml;

namespace MemProc.Help;

/// <summary>
/// Writes the help file of the cmdlets of an assembly in MAML, the only format that Get-Help reads for binary modules.
/// </summary>
internal sealed class MamlWriter
{
    private const string Command = "http://schemas.microsoft.com/maml/dev/command/2004/10";
    private const string Maml = "http://schemas.microsoft.com/maml/2004/10";
    private const string Dev = "http://schemas.microsoft.com/maml/dev/2004/10";

    /// <summary>Fits a terminal of 80 columns with Get-Help's own indent of up to eight.</summary>
    private const int TextWidth = 68;

    /// <summary>Width of the title of an example, which is its only heading in Get-Help.</summary>
    private const int TitleWidth = 64;

    private readonly XmlWriter _xml;

    private MamlWriter(XmlWriter xml) => _xml = xml;

    /// <summary>Writes the file.</summary>
    public static void Write(string file, IEnumerable<(CmdletDescription Cmdlet, HelpPage Page)> commands)
    {
        XmlWriterSettings settings = new()
        {
            Encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
            Indent = true,
            NewLineChars = "\n",
        };
        using XmlWriter xml = XmlWriter.Create(file, settings);
        MamlWriter writer = new(xml);
        xml.WriteStartElement("helpItems", "http://msh");
        xml.WriteAttributeString("schema", "maml");
        foreach ((CmdletDescription cmdlet, HelpPage page) in commands)
        {
            writer.WriteCommand(cmdlet, page);
        }

        xml.WriteEndElement();
    }

    private void WriteCommand(CmdletDescription cmdlet, HelpPage page)
    {
        _xml.WriteStartElement("command", "command", Command);
        _xml.WriteAttributeString("xmlns", "maml", null, Maml);
        _xml.WriteAttributeString("xmlns", "dev", null, Dev);
        _xml.WriteStartElement("details", Command);
        _xml.WriteElementString("name", Command, cmdlet.Name);
        _xml.WriteElementString("verb", Command, cmdlet.Verb);
        _xml.WriteElementString("noun", Command, cmdlet.Noun);
        WriteText("description", page.Synopsis);
        _xml.WriteEndElement();
        WriteText("description", page.Description);
        WriteSyntax(cmdlet, page);
        WriteParameters(cmdlet, page);
        WriteTypes("inputTypes", "inputType", page.Inputs);
        WriteTypes("returnValues", "returnValue", page.Outputs);
        _xml.WriteStartElement("alertSet", Maml);
        WriteText("alert", [.. page.Notes, .. SeeAlso(page.Links)]);
        _xml.WriteEndElement();
        WriteExamples(page.Examples);
        WriteLinks(HasOnlinePage(page.Links) ? page.Links : []);
        _xml.WriteEndElement();
    }

    private void WriteSyntax(CmdletDescription cmdlet, HelpPage page)
    {
        _xml.WriteStartElement("syntax", Command);
        foreach (string set in cmdlet.ParameterSets)
        {
            _xml.WriteStartElement("syntaxItem", Command);
            _xml.WriteElementString("name", Maml, cmdlet.Name);
            foreach ((ParameterDescription parameter, ParameterBinding binding) in cmdlet.Syntax(set))
            {
                WriteParameter(parameter, binding, page, inSyntax: true);
            }

            _xml.WriteEndElement();
        }

        _xml.WriteEndElement();
    }

    private void WriteParameters(CmdletDescription cmdlet, HelpPage page)
    {
        _xml.WriteStartElement("parameters", Command);
        // Parameters appear in the order of the page.
        foreach (HelpEntry entry in page.Parameters)
        {
            ParameterDescription parameter = cmdlet.Parameters.Single(parameter => parameter.Name == entry.Name);
            WriteParameter(parameter, parameter.Bindings[0], page, inSyntax: false);
        }

        _xml.WriteEndElement();
    }

    private void WriteParameter(
        ParameterDescription parameter, ParameterBinding binding, HelpPage page, bool inSyntax)
    {
        bool isArray = parameter.TypeName.EndsWith("[]", StringComparison.Ordinal);
        string position = binding.Position is int number ? XmlConvert.ToString(number) : "named";
        string aliases = parameter.Aliases.Count > 0 ? string.Join(", ", parameter.Aliases) : "none";
        HelpEntry entry = page.Parameters.Single(entry => entry.Name == parameter.Name);
        _xml.WriteStartElement("parameter", Command);
        _xml.WriteAttributeString("required", binding.IsMandatory ? "true" : "false");
        _xml.WriteAttributeString("variableLength", isArray ? "true" : "false");
        _xml.WriteAttributeString("globbing", parameter.HasWildcards ? "true" : "false");
        _xml.WriteAttributeString("pipelineInput", binding.PipelineInput);
        _xml.WriteAttributeString("position", position);
        _xml.WriteAttributeString("aliases", aliases);
        _xml.WriteElementString("name", Maml, parameter.Name);
        WriteText("description", [.. entry.Text, .. Values(parameter)]);
        if (!inSyntax || !parameter.IsSwitch)
        {
            _xml.WriteStartElement("parameterValue", Command);
            _xml.WriteAttributeString("required", parameter.IsSwitch ? "false" : "true");
            _xml.WriteAttributeString("variableLength", "false");
            _xml.WriteString(parameter.TypeName);
            _xml.WriteEndElement();
        }

        WriteType(parameter.TypeFullName);
        if (parameter.IsSwitch)
        {
            _xml.WriteElementString("defaultValue", Dev, "False");
        }

        _xml.WriteEndElement();
    }

    private static string[] Values(ParameterDescription parameter) => parameter.Values.Count == 0
        ? []
        : [$"Accepted values: {string.Join(", ", parameter.Values)}."];

    private void WriteTypes(string list, string item, IReadOnlyList<HelpEntry> entries)
    {
        _xml.WriteStartElement(list, Command);
        foreach (HelpEntry entry in entries)
        {
            _xml.WriteStartElement(item, Command);
            WriteType(entry.Name);
            WriteText("description", entry.Text);
            _xml.WriteEndElement();
        }

        _xml.WriteEndElement();
    }

    private void WriteType(string name)
    {
        _xml.WriteStartElement("type", Dev);
        _xml.WriteElementString("name", Maml, name);
        _xml.WriteElementString("uri", Maml, null);
        _xml.WriteEndElement();
    }

    private void WriteExamples(IReadOnlyList<HelpExample> examples)
    {
        _xml.WriteStartElement("examples", Command);
        foreach (HelpExample example in examples)
        {
            _xml.WriteStartElement("example", Command);
            _xml.WriteElementString("title", Maml, Underline(example.Title));
            _xml.WriteElementString("code", Dev, string.Join("\n\n", example.Steps.Select(FormatStep)));
            // The empty paragraph separates the next title.
            WriteText("remarks", [.. example.Remarks, string.Empty], Dev);
            _xml.WriteEndElement();
        }

        _xml.WriteEndElement();
    }

    private static string Underline(string title)
    {
        string dashes = new('-', Math.Max((TitleWidth - title.Length) / 2 - 1, 4));
        return $"{dashes} {title} {dashes}";
    }

    /// <summary>Returns the text of a step. Commands get a prompt, which distinguishes them from their output.</summary>
    private static string FormatStep(HelpStep step) => step.IsOutput
        ? step.Text
        : string.Join('\n', step.Text.Split('\n').Select(line =>
            line.Length == 0 || line[0] is ' ' or '}' ? line : $"PS> {line}"));

    /// <summary>
    /// Get-Help offers -Online for every page with links. Without a page to open, the links are a note.
    /// </summary>
    private static string[] SeeAlso(IReadOnlyList<HelpLink> links) => links.Count == 0 || HasOnlinePage(links)
        ? []
        : [$"See also: {string.Join(", ", links.Select(link => link.Text))}."];

    private static bool HasOnlinePage(IReadOnlyList<HelpLink> links) => links.Any(link => link.OnlineAddress.Length > 0);

    private void WriteLinks(IReadOnlyList<HelpLink> links)
    {
        _xml.WriteStartElement("relatedLinks", Command);
        foreach (HelpLink link in links)
        {
            _xml.WriteStartElement("navigationLink", Maml);
            _xml.WriteElementString("linkText", Maml, link.Text);
            _xml.WriteElementString("uri", Maml, link.OnlineAddress);
            _xml.WriteEndElement();
        }

        _xml.WriteEndElement();
    }

    private void WriteText(string name, IReadOnlyList<string> paragraphs, string schema = Maml)
    {
        _xml.WriteStartElement(name, schema);
        foreach (string paragraph in paragraphs)
        {
            _xml.WriteElementString("para", Maml, TextWrap.Wrap(paragraph, TextWidth));
        }

        _xml.WriteEndElement();
    }
}
