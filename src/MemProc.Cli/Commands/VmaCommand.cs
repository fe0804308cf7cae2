using System.CommandLine;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc vma</c>: shows the vm_area_structs of a process.</summary>
internal sealed class VmaCommand : ProcessCommand
{
    private static readonly Column<KernelVma>[] Columns =
    [
        new("Kernel address", -18, vma => ConsoleFormat.Hex(vma.KernelAddress)),
        new("Start", -18, vma => ConsoleFormat.Hex(vma.Start)),
        new("End", -18, vma => ConsoleFormat.Hex(vma.End)),
        new("Perm", -4, vma => vma.Permissions),
        new("Inode", 10, vma => vma.Inode.ToString(CultureInfo.InvariantCulture)),
        new("Flags", 0, vma => string.Join(',', vma.Flags)),
    ];

    private readonly Option<AddressExpression?> _address = CommandOptions.AddressOption("Only the mapping that contains this address");

    private readonly Option<KernelReadSource?> _source = CommandOptions.KernelSource();

    public VmaCommand()
        : base("vma", "Shows the vm_area_structs of a process, which are its mappings in kernel memory. Requires root.",
            "memproc vma 1234",
            "memproc vma 1234 --address 0x7ffd2de47000 --json")
    {
        Options.Add(_address);
        Options.Add(_source);
    }

    protected override void Run(
        LinuxProcess process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        using KernelVmaReader reader = new(
            parseResult.GetValue(_source) ?? KernelReadSource.Auto, process.Files, cancellation);
        output.WriteTable(Columns, parseResult.Resolve(_address, process, cancellation) is ulong address
            ? [reader.Read(process, address)]
            : reader.Read(process));
    }
}
