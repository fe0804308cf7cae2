using System.Management.Automation;
using System.Text;

namespace MemProc.PowerShell;

/// <summary>Search-ProcessMemory: searches the memory of processes.</summary>
[Cmdlet(VerbsCommon.Search, "ProcessMemory", DefaultParameterSetName = PatternSet)]
[OutputType(typeof(MemoryMatch), typeof(MemoryMatchInContext), typeof(SharedMemoryMatch),
    ParameterSetName = [PatternSet, BytesSet, TextSet, RegexSet, ValueSet, GreaterSet, LessSet, BetweenSet])]
[OutputType(typeof(MemoryString), ParameterSetName = [StringsSet])]
public sealed class SearchProcessMemoryCommand : MemorySearchCommand
{
    private const string PatternSet = "Pattern";
    private const string BytesSet = "Bytes";
    private const string TextSet = "Text";
    private const string RegexSet = "Regex";
    private const string StringsSet = "Strings";

    private SearchPattern? _pattern;
    private MemoryStringEncoding? _stringEncoding;
    private ulong _found;

    [Parameter(Mandatory = true, Position = 1, ParameterSetName = PatternSet)]
    [ValidateNotNullOrEmpty]
    public string Pattern { get; set; } = string.Empty;

    [Parameter(Mandatory = true, ParameterSetName = BytesSet)]
    [BytesTransformation]
    [ValidateNotNullOrEmpty]
    public byte[] Bytes { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = TextSet)]
    [ValidateNotNullOrEmpty]
    public string Text { get; set; } = string.Empty;

    [Parameter(ParameterSetName = TextSet)]
    [Parameter(ParameterSetName = StringsSet)]
    [EncodingTransformation]
    [ArgumentCompleter(typeof(EncodingCompleter))]
    public Encoding? Encoding { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = StringsSet)]
    public SwitchParameter Strings { get; set; }

    [Parameter(ParameterSetName = StringsSet)]
    [ValidateRange(1, StringSearch.MaxMinLength)]
    public int MinimumLength { get; set; } = StringSearch.DefaultMinLength;

    [Parameter(Mandatory = true, ParameterSetName = RegexSet)]
    [ValidateNotNullOrEmpty]
    public string Regex { get; set; } = string.Empty;

    [Parameter(ParameterSetName = RegexSet)]
    [ValidateRange(1, SearchPattern.MaxPatternBytes)]
    [Alias("LongestMatch")]
    public int MaxMatchLength { get; set; } = RegexPattern.DefaultMaxMatchLength;

    [Parameter(ParameterSetName = TextSet)]
    [Parameter(ParameterSetName = RegexSet)]
    public SwitchParameter IgnoreCase { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = ValueSet)]
    [Parameter(Mandatory = true, ParameterSetName = GreaterSet)]
    [Parameter(Mandatory = true, ParameterSetName = LessSet)]
    [Parameter(Mandatory = true, ParameterSetName = BetweenSet)]
    public MemoryValueType Type { get; set; }

    [Parameter(ParameterSetName = PatternSet)]
    [Parameter(ParameterSetName = BytesSet)]
    [Parameter(ParameterSetName = TextSet)]
    [Parameter(ParameterSetName = ValueSet)]
    [Parameter(ParameterSetName = GreaterSet)]
    [Parameter(ParameterSetName = LessSet)]
    [Parameter(ParameterSetName = BetweenSet)]
    [ValidateRange(1, SearchPattern.MaxAlignment)]
    public int? Alignment { get; set; }

    [Parameter(ParameterSetName = ValueSet)]
    [Parameter(ParameterSetName = GreaterSet)]
    [Parameter(ParameterSetName = LessSet)]
    [Parameter(ParameterSetName = BetweenSet)]
    public SwitchParameter Unaligned { get; set; }

    [Parameter]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong First { get; set; } = ulong.MaxValue;

    [Parameter(ParameterSetName = PatternSet)]
    [Parameter(ParameterSetName = BytesSet)]
    [Parameter(ParameterSetName = TextSet)]
    [Parameter(ParameterSetName = RegexSet)]
    [Parameter(ParameterSetName = ValueSet)]
    [Parameter(ParameterSetName = GreaterSet)]
    [Parameter(ParameterSetName = LessSet)]
    [Parameter(ParameterSetName = BetweenSet)]
    [ValidateRange(0, MemorySearch.MaxContextBytes)]
    public int Context { get; set; }

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        if (ParameterSetName == StringsSet)
        {
            _stringEncoding = ValueConditions.Create(this, nameof(Encoding), Encoding, () => StringSearch.Select(Encoding));
            return;
        }

        (string parameter, object given) = ParameterSetName switch
        {
            PatternSet => (nameof(Pattern), (object)Pattern),
            BytesSet => (nameof(Bytes), Bytes),
            TextSet => (nameof(Text), Text),
            RegexSet => (nameof(Regex), Regex),
            _ => (nameof(Alignment), (object?)Alignment ?? 1),
        };
        ValueCondition? condition = CreateCondition(Type);
        _pattern = ValueConditions.Create<SearchPattern>(this, parameter, given, () => ParameterSetName switch
        {
            PatternSet => BytePattern.ParseOrText(Pattern, Alignment ?? 1, "-Text"),
            BytesSet => BytePattern.Exact(Bytes, Alignment ?? 1),
            TextSet => BytePattern.Text(Text, Encoding ?? Encoding.UTF8, IgnoreCase, Alignment ?? 1),
            RegexSet => new RegexPattern(Regex, IgnoreCase, MaxMatchLength),
            _ => ValuesOf(condition ?? throw new ArgumentException("The value is null.")),
        });
        if (ParameterSetName == PatternSet && Pattern.All(char.IsAsciiLetter) && BytePattern.IsBytes(Pattern))
        {
            WriteWarning($"'{Pattern}' is searched for as bytes in hex. To search for the text, use -Text {Pattern}.");
        }
    }

    /// <summary>Not all mappings were looked at: enough was found.</summary>
    private protected override bool IsStoppedEarly => _found >= First;

    /// <summary>
    /// Searches the processes that a name with wildcards selects together, so that memory that they share is searched once.
    /// </summary>
    private protected override void ProcessInput()
    {
        if (_pattern is null || Context > 0 || IncludeNotResident || Address is not null || PipelineInput.HasCore(CorePath)
            || Name is null || !Array.Exists(Name, WildcardPattern.ContainsWildcardCharacters))
        {
            base.ProcessInput();
            return;
        }

        if (_found >= First)
        {
            return;
        }

        int[] ids = [.. (ProcessNames.Select(this, Id, Name) ?? []).Select(one => one.Id)];
        using Progress progress = new(this, $"Searching {ids.Length} processes");
        HostSearch? search = null;
        search = new HostSearch(ids, PatternFor, Cancellation)
        {
            Range = WholeRange,
            First = First - _found,
            Visited = done => progress.Report((ulong)done, (ulong)ids.Length,
                $"{done} of {ids.Length}, {HumanSize.Format(search!.SearchedBytes)}"),
        };
        if (WriteFirst(search.Find(WriteError, WriteWarning)))
        {
            WriteVerbose($"Searched {search.ProcessCount} processes: read {HumanSize.Format(search.SearchedBytes)} of "
                + $"{HumanSize.Format(search.MappedBytes)} that they map.");
        }
    }

    /// <summary>Returns the pattern for a process: the size of a pointer is known only now.</summary>
    private SearchPattern PatternFor(MemoryTarget process) => _pattern!.Type == MemoryValueType.Pointer
        ? ValuesOf(CreateCondition(MemoryValueType.Pointer, process)!)
        : _pattern;

    private ValuePattern ValuesOf(ValueCondition condition) => new(condition, Unaligned ? 1 : Alignment);

    private protected override void Process(MemoryTarget process, SearchRange range)
    {
        if (_found >= First)
        {
            return;
        }

        using Progress progress = new(this, $"Searching process {process.Identity}");
        if (ParameterSetName == StringsSet)
        {
            StringSearch strings = new(process, MinimumLength, _stringEncoding, Cancellation)
            {
                Range = range,
                Progress = progress.Report,
            };
            if (WriteFirst(strings.Find()))
            {
                ReportSkips(process, strings.SearchedBytes, strings.Skips);
            }

            return;
        }

        MemorySearch search = new(process, PatternFor(process), Cancellation)
        {
            Range = range,
            Context = Context,
            Progress = progress.Report,
        };
        if (WriteFirst(search.Find()))
        {
            ReportSkips(process, search.SearchedBytes, search.Skips);
        }
    }

    /// <summary>Writes what is found, up to -First. Returns whether the search came to its end.</summary>
    private bool WriteFirst(IEnumerable<object> found)
    {
        foreach (object one in found)
        {
            WriteObject(one);
            if (++_found >= First)
            {
                return false;
            }
        }

        return true;
    }
}
