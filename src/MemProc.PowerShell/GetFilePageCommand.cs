using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Get-FilePage: which pages of files are in memory.</summary>
[Cmdlet(VerbsCommon.Get, "FilePage", DefaultParameterSetName = PathSet)]
[OutputType(typeof(FilePage), typeof(FilePageSummary))]
public sealed class GetFilePageCommand : MemProcCommand
{
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";

    private FilePageWalk? _walk;
    private bool _toldFramesHidden;
    private bool _toldResidencyHidden;

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
    public SwitchParameter All { get; set; }

    [Parameter]
    public SwitchParameter WithFlags { get; set; }

    [Parameter]
    public SwitchParameter Summary { get; set; }

    protected override void BeginProcessing()
    {
        if (Summary && (All || WithFlags))
        {
            ThrowTerminatingError(Failure.BadArgument(nameof(Summary),
                "-Summary counts the pages of a file; -All and -WithFlags are about each page. Leave out one or the "
                + "other.", true));
        }

        _walk = Require(() => new FilePageWalk(WithFlags, cancellation: Cancellation) { IncludeAbsent = All });
    }

    protected override void ProcessRecord()
    {
        foreach (string given in ParameterSetName == PathSet ? Path : LiteralPath)
        {
            // A list of what is in a folder has folders, too; nobody asked for those by name.
            bool isNamed = !MyInvocation.ExpectingInput
                && (ParameterSetName == LiteralPathSet || !WildcardPattern.ContainsWildcardCharacters(given));
            foreach (string path in FilePaths.Resolve(this, given, ParameterSetName == LiteralPathSet))
            {
                foreach (string file in FileTree.Files(
                    path, Recurse, WriteVerbose, error => Tell(error, isNamed), Cancellation))
                {
                    Attempt(() => Look(file));
                }
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _walk?.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Tell(MemProcException error, bool isNamed)
    {
        if (error.Errno == Errno.EISDIR && !isNamed)
        {
            WriteVerbose(error.Message);
        }
        else
        {
            WriteError(Failure.Record(error));
        }
    }

    private void Look(string file)
    {
        if (Summary)
        {
            FilePageSummary summary = _walk!.Summarize(file);
            TellResidencyHidden(summary.ResidentPages is null);
            WriteObject(summary);
            return;
        }

        foreach (FilePage page in _walk!.Pages(file))
        {
            Cancellation.ThrowIfCancellationRequested();
            TellResidencyHidden(page.IsResident is null);
            if (page.IsPfnHidden && !_toldFramesHidden)
            {
                _toldFramesHidden = true;
                WriteWarning(PageMapWalk.FramesHidden);
            }

            WriteObject(page);
        }
    }

    private void TellResidencyHidden(bool isHidden)
    {
        if (isHidden && !_toldResidencyHidden)
        {
            _toldResidencyHidden = true;
            WriteWarning(FilePageWalk.SomeResidencyHidden);
        }
    }
}
