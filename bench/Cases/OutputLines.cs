using System.Text.Json;

namespace MemProc.Bench;

/// <summary>What programs say on standard output, line by line.</summary>
internal static class OutputLines
{
    /// <summary>The lines that hold anything.</summary>
    public static string[] Of(string output) => output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>A number of each line, where each is a JSON object.</summary>
    /// <param name="output">The output.</param>
    /// <param name="property">Which number.</param>
    public static IEnumerable<long> Numbers(string output, string property)
    {
        foreach (string line in Of(output))
        {
            using JsonDocument document = JsonDocument.Parse(line);
            yield return document.RootElement.GetProperty(property).GetInt64();
        }
    }
}
