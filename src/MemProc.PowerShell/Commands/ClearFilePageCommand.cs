using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Clear-FilePage: drops the pages of files from the page cache.</summary>
[Cmdlet(VerbsCommon.Clear, "FilePage", DefaultParameterSetName = PathSet, SupportsShouldProcess = true,
    ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(FilePageClear))]
public sealed class ClearFilePageCommand : MemProcCommand
{
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";

    private FilePageClearer? _clearer;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true,
        ParameterSetName = PathSet)]
    [SupportsWildcards]
    public string[] Path { get; set; } = [];

    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = LiteralPathSet)]
    [Alias("PSPath", "LP")]
    public string[] LiteralPath { get; set; } = [];

    [Parameter]
    public SwitchParameter Recurse { get; set; }

    [Parameter]
    public SwitchParameter Sync { get; set; }

    protected override void BeginProcessing() => _clearer = DisposeAtEnd(new FilePageClearer(cancellation: Cancellation));

    protected override void ProcessRecord()
    {
        foreach ((string path, bool isNamed) in FilePaths.Resolve(this, Path, LiteralPath, ParameterSetName == LiteralPathSet))
        {
            foreach (string file in FileTree.EnumerateFiles(path, Recurse, WriteVerbose, error => ReportError(error, isNamed), Cancellation))
            {
                ReportErrors(() => Clear(file));
            }
        }
    }

    private void Clear(string file)
    {
        using PlannedFilePageClear plan = _clearer!.Plan(file);
        if (Confirm(plan.Describe(Sync)))
        {
            FilePageClear clear = plan.Clear(Sync);
            if (clear.ResidentBytesAfter is null)
            {
                WarnOnce(FilePageWalk.SomeResidencyHidden);
            }

            WriteObject(clear);
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
