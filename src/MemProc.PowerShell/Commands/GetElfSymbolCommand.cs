using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-ElfSymbol: gets the symbols of ELF files.</summary>
[Cmdlet(VerbsCommon.Get, "ElfSymbol", DefaultParameterSetName = PathSet)]
[OutputType(typeof(ElfSymbol), ParameterSetName = [PathSet, LiteralPathSet])]
[OutputType(typeof(ProcElfSymbol), ParameterSetName = [IdSet, CoreSet])]
public sealed class GetElfSymbolCommand : ElfCommand
{
    private Func<string, bool>? _isSelected;

    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ElfSymbolCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Name { get; set; }

    [Parameter]
    public ElfSymbolType[]? Type { get; set; }

    [Parameter]
    public ElfSymbolSource? Table { get; set; }

    [Parameter]
    public SwitchParameter Defined { get; set; }

    protected override void BeginProcessing() => _isSelected = Wildcard.Symbols(Name);

    protected override void Write(ElfFile file) => WriteEach(file.Symbols(TableOf(file)).Where(IsSelected));

    protected override void Write(MappedImage image) => WriteEach(image.Symbols(TableOf(image.Elf)).Where(IsSelected));

    private ElfSymbolSource TableOf(ElfFile file) => Table ?? file.PreferredTable;

    private bool IsSelected(ElfSymbol symbol) => (Type is null || Type.Contains(symbol.Type))
        && !(Defined && symbol.IsUndefined)
        && (_isSelected is null || _isSelected(symbol.Name)
            || (symbol.Name.StartsWith("_Z", StringComparison.Ordinal) && _isSelected(symbol.DemangledName)));
}
