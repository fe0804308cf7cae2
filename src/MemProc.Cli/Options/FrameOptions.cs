using System.CommandLine;

namespace MemProc.Cli;

/// <summary>The argument PFN and the option --physical-address, which select page frames.</summary>
internal sealed class FrameOptions
{
    private readonly Argument<PfnRange[]> _pfns = CommandOptions.Pfns();

    private readonly Option<PfnRange[]> _addresses = PhysicalAddresses();

    /// <summary>Creates the option --physical-address.</summary>
    public static Option<PfnRange[]> PhysicalAddresses() => CommandOptions.List(
        "--physical-address", "ADDRESS", "The frame with this physical address, or the frames of a range FIRST..LAST",
        PfnRange.ParsePhysicalAddress);

    /// <summary>Adds argument and option to a command.</summary>
    public void AddTo(Command command)
    {
        command.Arguments.Add(_pfns);
        command.Options.Add(_addresses);
    }

    /// <summary>Whether one of them is given.</summary>
    public bool Has(ParseResult parseResult) => parseResult.Has(_pfns) || parseResult.Has(_addresses);

    /// <summary>Returns what is wrong with them; null where nothing is.</summary>
    public string? Validate(ParseResult parseResult) =>
        Has(parseResult) ? null : "Specify PFN or --physical-address.";

    /// <summary>Returns the frames.</summary>
    public PfnRange[] Ranges(ParseResult parseResult) =>
        [.. parseResult.GetValue(_pfns) ?? [], .. parseResult.GetValue(_addresses) ?? []];
}
