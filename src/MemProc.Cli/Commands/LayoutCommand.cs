using System.CommandLine;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc layout</c>: shows where the kernel keeps things in memory.</summary>
internal sealed class LayoutCommand : CliCommand
{
    private readonly Option<KernelReadSource?> _source = CommandOptions.KernelSource();

    public LayoutCommand()
        : base("layout", "Shows where the kernel keeps things in memory, and the constants of its page tables. Requires root.",
            "memproc layout",
            "memproc layout --json") => Options.Add(_source);

    protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        using KernelLayoutReader reader = new(parseResult.GetValue(_source) ?? KernelReadSource.Auto);
        KernelLayout layout = reader.Read();
        if (output.IsJson)
        {
            output.WriteJson(layout);
            return;
        }

        (string Name, string Value)[] lines =
        [
            ("Kernel release", SafeText.Escape(layout.KernelRelease)),
            ("Read by", layout.Source.ToString()),
            ("BTF", ConsoleFormat.Size((ulong)layout.BtfSizeBytes)),
            ("PAGE_OFFSET", ConsoleFormat.Hex(layout.PageOffset)),
            ("vmemmap", Hex(layout.Vmemmap)),
            ("sizeof(struct page)", layout.StructPageSizeBytes?.ToString(CultureInfo.InvariantCulture) ?? "unknown"),
            ("Frame mask", ConsoleFormat.Hex(layout.FrameMask)),
            ("Encryption mask", ConsoleFormat.Hex(layout.EncryptionMask)),
            ("Page size", ConsoleFormat.Size(layout.PageSizeBytes)),
            .. layout.Levels.Select(level => (level.Level.ToString(), string.Create(CultureInfo.InvariantCulture,
                $"shift {level.Shift}, {level.EntryCount} entries of {HumanSize.Format(level.CoveredBytes)}"))),
            ("TASK_SIZE", Hex(layout.TaskSize)),
            ("Kernel code", Hex(layout.TextAddress)),
            ("Physical address", Hex(layout.TextPhysicalAddress)),
            ("Moved by KASLR", Hex(layout.KaslrOffset)),
        ];
        int width = lines.Max(line => line.Name.Length);
        foreach ((string name, string value) in lines)
        {
            output.WriteLine($"{name.PadRight(width)} : {value}");
        }
    }

    private static string Hex(ulong? value) => value is ulong known ? ConsoleFormat.Hex(known) : "unknown";
}
