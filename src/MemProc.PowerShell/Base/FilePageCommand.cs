using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>The base of cmdlets about the page cache of files, which are given by paths.</summary>
public abstract class FilePageCommand : MemProcCommand
{
    /// <summary>Files by path, with wildcards.</summary>
    protected const string PathSet = "Path";

    /// <summary>Files by their exact names.</summary>
    protected const string LiteralPathSet = "LiteralPath";

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true,
        ParameterSetName = PathSet)]
    [SupportsWildcards]
    public string[] Path { get; set; } = [];

    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = LiteralPathSet)]
    [Alias("PSPath", "LP")]
    public string[] LiteralPath { get; set; } = [];

    [Parameter]
    public SwitchParameter Recurse { get; set; }

    /// <summary>The work on one file.</summary>
    private protected abstract void ProcessFile(string file);

    protected override void ProcessRecord()
    {
        foreach ((string path, bool isNamed) in FilePaths.Resolve(this, Path, LiteralPath, ParameterSetName == LiteralPathSet))
        {
            foreach (string file in FileTree.EnumerateFiles(path, Recurse, WriteVerbose, error => ReportError(error, isNamed), Cancellation))
            {
                ReportErrors(() => ProcessFile(file));
            }
        }
    }

    private void ReportError(MemProcException error, bool isNamed)
    {
        // The content of a folder includes folders, which the user has not asked for by name.
        if (error.Errno == Errno.EISDIR && !isNamed)
        {
            WriteVerbose(error.Message);
        }
        else
        {
            WriteError(error);
        }
    }
}
