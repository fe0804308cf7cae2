using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-ElfHeader: gets the headers of ELF files.</summary>
[Cmdlet(VerbsCommon.Get, "ElfHeader", DefaultParameterSetName = PathSet)]
[OutputType(typeof(ElfHeader), ParameterSetName = [PathSet, LiteralPathSet])]
[OutputType(typeof(ProcElfHeader), ParameterSetName = [IdSet, CoreSet])]
public sealed class GetElfHeaderCommand : ElfCommand
{
    protected override void Write(ElfFile file) => WriteObject(file.Header);

    protected override void Write(MappedImage image) => WriteObject(image.Header);
}
