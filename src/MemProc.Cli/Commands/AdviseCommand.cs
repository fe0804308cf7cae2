using System.CommandLine;

namespace MemProc.Cli;

/// <summary><c>memproc advise</c>: gives the kernel advice about the memory of a process.</summary>
internal sealed class AdviseCommand : ProcessCommand
{
    private static readonly Column<MemoryAdviceResult>[] Columns =
    [
        new("Advice", -9, result => EnumNames.Of(result.Advice)),
        new("Advised", 10, result => HumanSize.Format(result.AdvisedBytes)),
        new("Refused", 10, result => HumanSize.Format(result.RefusedBytes)),
        new("RssBefore", 10, result => HumanSize.Format(result.ResidentBytesBefore)),
        new("RssAfter", 10, result => HumanSize.Format(result.ResidentBytesAfter)),
        new("SwapBefore", 10, result => HumanSize.Format(result.SwappedBytesBefore)),
        new("SwapAfter", 10, result => HumanSize.Format(result.SwappedBytesAfter)),
        new("HugeBefore", 10, result => ConsoleFormat.Size(result.HugeBytesBefore)),
        new("HugeAfter", 10, result => ConsoleFormat.Size(result.HugeBytesAfter)),
    ];

    private readonly PageRangeOptions _range = new();
    private readonly MapFilterOptions _filter = new();

    private readonly (Option<bool> Option, ProcessMemoryAdvice Advice)[] _advices =
    [
        (CommandOptions.Switch("--page-out", "Reclaim the pages now: to swap, or back to their file"), ProcessMemoryAdvice.PageOut),
        (CommandOptions.Switch("--cold", "Reclaim the pages first under memory pressure"), ProcessMemoryAdvice.Cold),
        (CommandOptions.Switch("--will-need", "Read pages of files ahead, and pages in swap"), ProcessMemoryAdvice.WillNeed),
        (CommandOptions.Switch("--collapse", "Copy the pages to transparent huge pages now"), ProcessMemoryAdvice.Collapse),
    ];

    private readonly ConfirmationOptions _confirmation = new("Show how many bytes the advice concerns, without giving it");

    public AdviseCommand()
        : base("advise", "Gives the kernel advice about the memory of a process, and shows what it changed. Requires "
            + "CAP_SYS_NICE.",
            "memproc advise 1234 --page-out --dry-run",
            "memproc advise 1234 0x7f0000000000 --length 64M --collapse --yes")
    {
        _range.AddTo(this);
        _filter.AddTo(this);
        foreach ((Option<bool> option, _) in _advices)
        {
            Options.Add(option);
        }

        _confirmation.AddTo(this);
    }

    protected override string? Validate(ParseResult parseResult) =>
        _advices.Count(advice => parseResult.GetValue(advice.Option)) != 1
            ? $"Specify one of {string.Join(", ", _advices.Select(advice => advice.Option.Name))}."
            : _range.Validate(parseResult) ?? _confirmation.Missing(parseResult);

    protected override void Run(
        LinuxProcess process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        ProcessMemoryAdvice advice = _advices.First(item => parseResult.GetValue(item.Option)).Advice;
        MemoryAdviser.ThrowIfUnsupported(advice);
        AddressRange? range = _range.Address(parseResult, process, cancellation) is ulong address
            ? MemoryAdviser.RangeOf(address, _range.Length(parseResult))
            : null;
        MemoryAdviser adviser = new(process, advice, cancellation);
        PlannedMemoryAdvice plan = adviser.Plan(range, _filter.Filter(parseResult));
        if (_confirmation.IsDryRun(parseResult))
        {
            output.Write(plan, $"{plan.Describe()}: nothing was done.");
        }
        else if (_confirmation.Agrees(parseResult, plan.Describe(), cancellation))
        {
            output.WriteTable(Columns, [adviser.Execute(plan)]);
        }
        else
        {
            output.Fail("No advice was given.");
        }
    }
}
