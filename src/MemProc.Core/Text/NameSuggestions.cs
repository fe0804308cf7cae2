namespace MemProc;

/// <summary>Suggests known names for a misspelled one.</summary>
internal static class NameSuggestions
{
    private const int MaxSuggestions = 5;
    private const int MaxNameLength = 128;

    /// <summary>Returns a sentence with similar names, after a blank; empty when there are none.</summary>
    /// <param name="requested">The name that was not found.</param>
    /// <param name="known">The names that exist.</param>
    public static string Suggest(string requested, IEnumerable<string> known)
    {
        // Only similar names are kept: there can be millions of others.
        string[] near = [.. known
            .Select(name => (Name: name, Distance: Distance(requested, name)))
            .Where(item => item.Distance <= 1 + requested.Length / 4)
            .Distinct()
            .OrderBy(item => item.Distance).ThenBy(item => item.Name, StringComparer.Ordinal)
            .Take(MaxSuggestions).Select(item => SafeText.Escape(item.Name))];
        return near.Length == 0 ? string.Empty : $" Similar names: {string.Join(", ", near)}.";
    }

    /// <summary>
    /// Returns the edit distance of two names, without regard to case. A name that contains the requested one is near
    /// whatever its length.
    /// </summary>
    private static int Distance(string requested, string name)
    {
        if (requested.Length == 0 || requested.Length > MaxNameLength || name.Length > MaxNameLength)
        {
            return int.MaxValue;
        }

        if (requested.Length > 1 && name.Contains(requested, StringComparison.OrdinalIgnoreCase))
        {
            return name.StartsWith(requested, StringComparison.OrdinalIgnoreCase) ? 0 : 1;
        }

        if (Math.Abs(requested.Length - name.Length) > 1 + requested.Length / 4)
        {
            return int.MaxValue;
        }

        Span<int> row = stackalloc int[name.Length + 1];
        for (int column = 0; column <= name.Length; column++)
        {
            row[column] = column;
        }

        for (int line = 1; line <= requested.Length; line++)
        {
            int diagonal = row[0];
            row[0] = line;
            for (int column = 1; column <= name.Length; column++)
            {
                bool isSame = char.ToLowerInvariant(requested[line - 1]) == char.ToLowerInvariant(name[column - 1]);
                int changed = diagonal + (isSame ? 0 : 1);
                diagonal = row[column];
                row[column] = Math.Min(changed, 1 + Math.Min(row[column], row[column - 1]));
            }
        }

        return row[name.Length];
    }
}
