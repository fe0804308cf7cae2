namespace MemProc;

/// <summary>Names that somebody who wrote another one may have meant.</summary>
internal static class NearNames
{
    private const int Most = 5;
    private const int LongestName = 128;

    /// <summary>A sentence that suggests names, with a blank before it; empty where none is near.</summary>
    /// <param name="wanted">What was written.</param>
    /// <param name="known">What there is.</param>
    public static string Suggest(string wanted, IEnumerable<string> known)
    {
        string[] near = [.. known.Distinct()
            .Select(name => (Name: name, Distance: Distance(wanted, name)))
            .Where(item => item.Distance <= 1 + wanted.Length / 4)
            .OrderBy(item => item.Distance).ThenBy(item => item.Name, StringComparer.Ordinal)
            .Take(Most).Select(item => SafeText.Escape(item.Name))];
        return near.Length == 0 ? string.Empty : $" Near it: {string.Join(", ", near)}.";
    }

    /// <summary>
    /// How many letters have to change to get from one name to the other. A name that holds the other is near whatever
    /// else is in it.
    /// </summary>
    private static int Distance(string wanted, string name)
    {
        if (wanted.Length == 0 || wanted.Length > LongestName || name.Length > LongestName)
        {
            return int.MaxValue;
        }

        if (wanted.Length > 1 && name.Contains(wanted, StringComparison.OrdinalIgnoreCase))
        {
            return name.StartsWith(wanted, StringComparison.OrdinalIgnoreCase) ? 0 : 1;
        }

        if (Math.Abs(wanted.Length - name.Length) > 1 + wanted.Length / 4)
        {
            return int.MaxValue;
        }

        Span<int> row = stackalloc int[name.Length + 1];
        for (int column = 0; column <= name.Length; column++)
        {
            row[column] = column;
        }

        for (int line = 1; line <= wanted.Length; line++)
        {
            int diagonal = row[0];
            row[0] = line;
            for (int column = 1; column <= name.Length; column++)
            {
                bool isSame = char.ToLowerInvariant(wanted[line - 1]) == char.ToLowerInvariant(name[column - 1]);
                int changed = diagonal + (isSame ? 0 : 1);
                diagonal = row[column];
                row[column] = Math.Min(changed, 1 + Math.Min(row[column], row[column - 1]));
            }
        }

        return row[name.Length];
    }
}
