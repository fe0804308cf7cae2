namespace MemProc;

/// <summary>How names are written in address expressions.</summary>
public static class AddressExpression
{
    /// <summary>A file's name: in quotes where it would be read as something else.</summary>
    public static string Quote(string fileName) => AddressParser.Quote(fileName);

    /// <summary>A symbol's name behind a <c>!</c>.</summary>
    public static string QuoteSymbol(string name) => AddressParser.QuoteSymbol(name);
}
