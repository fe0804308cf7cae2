using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-ElfSection: gets the sections of ELF files.</summary>
[Cmdlet(VerbsCommon.Get, "ElfSection", DefaultParameterSetName = PathSet)]
[OutputType(typeof(ElfSection), ParameterSetName = [PathSet, LiteralPathSet])]
[OutputType(typeof(ProcElfSection), ParameterSetName = [IdSet, CoreSet])]
public sealed class GetElfSectionCommand : ElfCommand
{
    private Func<string, bool>? _isSelected;

    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ElfSectionCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Name { get; set; }

    protected override void BeginProcessing() => _isSelected = Wildcard.Symbols(Name);

    protected override void Write(ElfFile file) => WriteEach(file.Sections.Where(IsSelected));

    protected override void Write(MappedImage image) => WriteEach(image.Sections.Where(IsSelected));

    private bool IsSelected(ElfSection section) => _isSelected?.Invoke(section.Name) ?? true;
}
