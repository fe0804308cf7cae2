namespace MemProc.Bench;

/// <summary>Programs that a machine may have or lack.</summary>
internal static class Tools
{
    /// <summary>Path of page-types from <c>--page-types</c> or the variable PAGE_TYPES; null: not specified.</summary>
    public static string? PageTypes { get; set; } = Environment.GetEnvironmentVariable("PAGE_TYPES");

    /// <summary>Resident memory of the large process of a case, GiB.</summary>
    public static int ResidentGiB { get; set; } = 8;

    /// <summary>A program's path, found through PATH; null where it is not there.</summary>
    public static string? Find(string name) => (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':')
        .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>Ends a case that only root can run.</summary>
    /// <exception cref="SkippedException">The user is not root.</exception>
    public static void RequireRoot()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            throw new SkippedException("requires root");
        }
    }

    /// <summary>Why page-types cannot take part; null where it can.</summary>
    public static string? PageTypesMissing => string.IsNullOrEmpty(PageTypes)
        ? "page-types is not there: build it from a kernel's tools/mm and give its path by --page-types or PAGE_TYPES"
        : !File.Exists(PageTypes) ? $"page-types is not at {PageTypes}"
        : null;
}
