using System.Text.Json;

namespace MemProc.Cli;

/// <summary>The names of enumeration values on the command line: <c>named-anonymous</c>, <c>uint64</c>.</summary>
internal static class EnumNames
{
    /// <summary>Returns the name of a value.</summary>
    public static string Of<T>(T value)
        where T : struct, Enum => Of(typeof(T), value.ToString());

    /// <summary>Returns all names, for help and messages.</summary>
    public static string All<T>()
        where T : struct, Enum => string.Join(", ", Enum.GetValues<T>().Select(Of));

    /// <summary>Returns all names of a type that is known only when the program runs.</summary>
    public static IEnumerable<string> All(Type type) => Enum.GetNames(type).Select(name => Of(type, name));

    /// <summary>Parses a name. Case and hyphens are ignored.</summary>
    /// <exception cref="FormatException">There is no such name.</exception>
    public static T Parse<T>(string text)
        where T : struct, Enum
    {
        string name = text.Replace("-", string.Empty, StringComparison.Ordinal);
        foreach (T value in Enum.GetValues<T>())
        {
            if (name.Equals(value.ToString(), StringComparison.OrdinalIgnoreCase))
            {
                return value;
            }
        }

        throw new FormatException($"'{SafeText.Escape(text)}' is not valid. Valid values are {All<T>()}.");
    }

    private static string Of(Type type, string name) => type == typeof(MemoryValueType)
        ? name.ToLowerInvariant()
        : JsonNamingPolicy.KebabCaseLower.ConvertName(name);
}
