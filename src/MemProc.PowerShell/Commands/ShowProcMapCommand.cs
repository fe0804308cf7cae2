using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Show-ProcMap: draws the address spaces of processes, or the frames of the machine.</summary>
[Cmdlet(VerbsCommon.Show, "ProcMap")]
[OutputType(typeof(MapPicture), typeof(FramePicture), typeof(FileInfo))]
public sealed class ShowProcMapCommand : ProcessCommand<MemoryTarget>
{
    private const int DefaultWidth = 100;

    /// <summary>Cells of a row of frames on the screen; two characters each.</summary>
    private const int FrameSide = 32;

    private bool _isWritten;

    /// <summary>Whether the screen takes colors. PowerShell keeps them in a pipe to another program.</summary>
    private bool IsColored => !Console.IsOutputRedirected
        && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
        && SessionState.PSVariable.GetValue("PSStyle") is object style
        && PSObject.AsPSObject(style).Properties["OutputRendering"]?.Value?.ToString() != "PlainText";

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public override string[]? CorePath { get; set; }

    [Parameter(Position = 1)]
    public MapPictureGrouping By { get; set; }

    [Parameter]
    [ValidateRange(20, 400)]
    public int? Width { get; set; }

    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? OutFile { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter Physical { get; set; }

    [Parameter]
    public KernelReadSource Source { get; set; }

    protected override void BeginProcessing()
    {
        if (Physical ? By is not (MapPictureGrouping.Kind or MapPictureGrouping.Owner) : By == MapPictureGrouping.Owner)
        {
            ThrowBadArgument(nameof(By), Physical
                ? "-Physical shows frames by Kind or Owner." : "Owner requires -Physical.", By);
        }

        if (Physical && ((Id ?? Name ?? (object?)CorePath) is not null || MyInvocation.ExpectingInput))
        {
            ThrowBadArgument(nameof(Physical), "-Physical shows the frames of the machine, not those of a process.", true);
        }

        if (OutFile is not null)
        {
            ThrowOnError(() => PictureFile.CheckName(OutFile));
        }
        else if (Force)
        {
            ThrowBadArgument(nameof(Force), "-Force requires -OutFile.", true);
        }
    }

    private protected override void ProcessInput()
    {
        if (!Physical)
        {
            base.ProcessInput();
            return;
        }

        UnreadProcesses unread = new();
        ReportErrors(() => Write(FramePainter.Paint(
            By, OutFile is null ? FrameSide : PictureFile.FrameSide, IsColored, Source, unread.Add, Cancellation), PictureFile.Save));
        if (unread.Count > 0)
        {
            WriteWarning(unread.Of(ProcessList.Ids().Length, "map frames"));
        }
    }

    protected override void Process(MemoryTarget process) => Write(MapPainter.Paint(process, By,
        OutFile is null ? MapPicture.ColumnsOf(Width ?? ScreenWidth()) : PictureFile.MapColumns, IsColored, Cancellation), PictureFile.Save);

    private void Write<T>(T picture, Action<T, string, bool> save)
    {
        if (OutFile is null)
        {
            WriteObject(picture);
            return;
        }

        string path = SessionState.Path.GetUnresolvedProviderPathFromPSPath(OutFile);
        if (_isWritten)
        {
            throw new MemProcException(Operation.WriteFile, Errno.EEXIST,
                $"'{SafeText.Escape(path)}' already has the picture of another process. Specify a file for each process.", path);
        }

        try
        {
            save(picture, path, Force);
        }
        catch (MemProcException error) when (error.Errno == Errno.EEXIST && !Force)
        {
            throw Failure.Replaceable(error);
        }

        _isWritten = true;
        // As Get-Item returns it: only the provider adds the mode and the owner, which PowerShell's view shows.
        WriteObject(InvokeProvider.Item.Get([path], force: true, literalPath: true), enumerateCollection: true);
    }

    private int ScreenWidth() => View.ScreenWidth(Host) is >= 20 and int width ? width : DefaultWidth;
}
