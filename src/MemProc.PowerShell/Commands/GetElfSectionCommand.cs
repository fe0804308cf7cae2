using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-ElfSection: gets the sections of ELF files.</summary>
[Cmdlet(VerbsCommon.Get, "ElfSection", DefaultParameterSetName = PathSet)]
[OutputType(typeof(ElfSection), ParameterSetName = [PathSet, LiteralPathSet])]
[OutputType(typeof(ProcElfSection), ParameterSetName = [IdSet])]
public sealed class GetElfSectionCommand : ElfCommand
{
    private Func<string, bool>? _isWanted;

    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ElfSectionCompleter))]
    public string[]? Name { get; set; }

    protected override void BeginProcessing() => _isWanted = Wildcard.Symbols(Name);

    protected override void Write(ElfFile file) => WriteEach(file.Sections.Where(IsWanted));

    protected override void Write(MappedImage image) => WriteEach(image.Sections.Where(IsWanted));

    private bool IsWanted(ElfSection section) => _isWanted?.Invoke(section.Name) ?? true;
}
