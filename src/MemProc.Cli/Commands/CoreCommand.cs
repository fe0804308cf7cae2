using System.CommandLine;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc core</c>: shows what a core file is.</summary>
internal sealed class CoreCommand : CliCommand
{
    private readonly Argument<string[]> _paths = new("FILE")
    {
        Description = "Core files, also compressed with gzip or zstd",
        Arity = ArgumentArity.OneOrMore,
    };

    public CoreCommand()
        : base("core", "Shows what a core file is: process, signal, threads, images, and what is missing.",
            "memproc core core.1234",
            "memproc core core.1234 --json | jq .threads") => Arguments.Add(_paths);

    protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        foreach (string path in parseResult.GetValue(_paths)!)
        {
            output.ReportErrors(() =>
            {
                using CoreFile core = CoreFile.Open(path, cancellation);
                Write(ProcessCoreReader.Read(core, output.Warn, cancellation), output);
            });
        }
    }

    private static void Write(ProcessCore core, Output output)
    {
        if (output.IsJson)
        {
            output.WriteJson(core);
            return;
        }

        output.WriteLine($"Process {core.ProcessId} ({SafeText.Escape(core.ProcessName)}): "
            + SafeText.Escape(core.CommandLine ?? "-"));
        output.WriteLine($"Time     {core.Time.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)}, "
            + $"{core.Machine}, {core.Bits} bits");
        if (core.Kernel is string kernel)
        {
            output.WriteLine($"Kernel   {SafeText.Escape(kernel)}");
        }

        output.WriteLine($"Signal   {core.SignalName ?? core.Signal?.ToString(CultureInfo.InvariantCulture) ?? "-"}"
            + (core.FaultAddress is ulong fault ? $" at 0x{fault:x} {SafeText.Escape(core.FaultLocation ?? "(not mapped)")}" : ""));
        output.WriteLine($"Memory   {HumanSize.Format(core.SavedBytes)} of {HumanSize.Format(core.MappedBytes)} in "
            + $"{core.MappingCount} mappings; file {HumanSize.Format(core.FileSizeBytes)}");
        foreach (ProcessCoreThread thread in core.Threads)
        {
            output.WriteLine($"Thread   {thread}");
        }

        foreach (ProcessCoreImage image in core.Images)
        {
            output.WriteLine($"Image    {image}");
        }

        foreach (string missing in core.Missing)
        {
            output.WriteLine($"Missing  {SafeText.Escape(missing)}");
        }
    }
}
