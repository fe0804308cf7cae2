using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-ElfSegment: gets the program headers of ELF files.</summary>
[Cmdlet(VerbsCommon.Get, "ElfSegment", DefaultParameterSetName = PathSet)]
[OutputType(typeof(ElfSegment), ParameterSetName = [PathSet, LiteralPathSet])]
[OutputType(typeof(ProcElfSegment), ParameterSetName = [IdSet, CoreSet])]
public sealed class GetElfSegmentCommand : ElfCommand
{
    [Parameter]
    public ElfSegmentType[]? Type { get; set; }

    protected override void Write(ElfFile file) => WriteEach(file.SegmentsWithSections().Where(IsSelected));

    protected override void Write(MappedImage image) => WriteEach(image.Segments.Where(IsSelected));

    private bool IsSelected(ElfSegment segment) => Type is null || Type.Contains(segment.Type);
}
