using System.CommandLine;

namespace MemProc.Cli;

/// <summary><c>memproc picture</c>: draws the address space of a process.</summary>
internal sealed class PictureCommand : TargetCommand
{
    private readonly PictureOptions _options = new(MapPictureGrouping.Owner);

    private readonly Option<int?> _width = CommandOptions.Option<int?>(
        "--width", "CHARACTERS", "Width of the picture, 20 to 400; that of the terminal if omitted", PictureOptions.ParseWidth);

    public PictureCommand()
        : base("picture", "Draws the address space of a process as strips of colored cells.",
            "memproc picture self",
            "memproc picture 1234 --by residency",
            "memproc picture 1234 --by permission --out map.svg")
    {
        Options.Add(_width);
        _options.AddTo(this);
    }

    protected override string? Validate(ParseResult parseResult) => _options.Validate(parseResult);

    protected override void Run(MemoryTarget process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        int columns = _options.HasFile(parseResult) ? PictureFile.MapColumns
            : MapPicture.ColumnsOf(parseResult.GetValue(_width) ?? PictureOptions.ScreenWidth());
        MapPicture picture = MapPainter.Paint(process, _options.By(parseResult), columns, PictureOptions.IsColored, cancellation);
        _options.Write(parseResult, output, picture, picture.Lines, PictureFile.Save);
    }
}

/// <summary><c>memproc frame-picture</c>: draws the frames of the machine.</summary>
internal sealed class FramePictureCommand : CliCommand
{
    private const int Side = 32;

    private readonly PictureOptions _options = new(MapPictureGrouping.Permission, MapPictureGrouping.Residency,
        MapPictureGrouping.Sharing, MapPictureGrouping.Node, MapPictureGrouping.Dirty, MapPictureGrouping.Frame);

    private readonly Option<KernelReadSource?> _source = CommandOptions.KernelSource();

    public FramePictureCommand()
        : base("frame-picture", "Draws the page frames of the machine along a Hilbert curve. Requires root.",
            "memproc frame-picture",
            "memproc frame-picture --by owner --out memory.html")
    {
        _options.AddTo(this);
        Options.Add(_source);
    }

    protected override string? Validate(ParseResult parseResult) => _options.Validate(parseResult);

    protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        UnreadProcesses unread = new();
        FramePicture picture = FramePainter.Paint(_options.By(parseResult),
            _options.HasFile(parseResult) ? PictureFile.FrameSide : Side, PictureOptions.IsColored,
            parseResult.GetValue(_source) ?? KernelReadSource.Auto, unread.Add, cancellation);
        _options.Write(parseResult, output, picture, picture.Lines, PictureFile.Save);
        if (unread.Count > 0)
        {
            output.Warn(unread.Of(ProcessList.Ids().Length, "map frames"));
        }
    }
}

/// <summary>The options that pictures have in common.</summary>
internal sealed class PictureOptions
{
    private const int DefaultWidth = 100;

    private readonly MapPictureGrouping[] _groupings;
    private readonly Option<MapPictureGrouping?> _by;
    private readonly Option<string?> _out = CommandOptions.Option(
        "--out", "FILE", "Write a file for reports, with tooltips; the name ends with .svg or .html", text => text);

    private readonly Option<bool> _force = CommandOptions.Switch("--force", "Replace the file of --out");

    /// <summary>Creates the options.</summary>
    /// <param name="without">What the colors cannot show.</param>
    public PictureOptions(params MapPictureGrouping[] without)
    {
        _groupings = [.. Enum.GetValues<MapPictureGrouping>().Except(without)];
        string names = string.Join(", ", _groupings.Select(EnumNames.Of));
        _by = CommandOptions.Option<MapPictureGrouping?>("--by", "GROUPING", $"What the colors show; kind if omitted: {names}",
            text => EnumNames.Parse<MapPictureGrouping>(text) is MapPictureGrouping by && _groupings.Contains(by) ? by
                : throw new FormatException($"'{SafeText.Escape(text)}' is not valid. Valid values are {names}."));
        _by.CompletionSources.Clear();
        _by.CompletionSources.Add(_groupings.Select(EnumNames.Of).ToArray());
    }

    /// <summary>Returns the width of the terminal.</summary>
    public static int ScreenWidth()
    {
        try
        {
            return !Console.IsOutputRedirected && Console.WindowWidth >= 20 ? Console.WindowWidth : DefaultWidth;
        }
        catch (IOException)
        {
            return DefaultWidth;
        }
    }

    /// <summary>Whether standard output takes colors.</summary>
    public static bool IsColored =>
        !Console.IsOutputRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));

    /// <summary>Parses a width.</summary>
    public static int? ParseWidth(string text) => int.TryParse(text, out int width) && width is >= 20 and <= 400
        ? width
        : throw new FormatException($"'{SafeText.Escape(text)}' is not a width from 20 to 400.");

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_by);
        command.Options.Add(_out);
        command.Options.Add(_force);
    }

    /// <summary>Returns what is wrong with the combination of arguments; null where nothing is.</summary>
    public string? Validate(ParseResult parseResult)
    {
        if (parseResult.GetValue(_out) is string path)
        {
            try
            {
                PictureFile.CheckName(path);
            }
            catch (MemProcException error)
            {
                return error.Message;
            }
        }

        return parseResult.GetValue(_force) && !HasFile(parseResult) ? "--force requires --out." : null;
    }

    /// <summary>What the colors show.</summary>
    public MapPictureGrouping By(ParseResult parseResult) => parseResult.GetValue(_by) ?? MapPictureGrouping.Kind;

    /// <summary>Whether the picture goes to a file.</summary>
    public bool HasFile(ParseResult parseResult) => parseResult.GetValue(_out) is not null;

    /// <summary>Writes a picture: to the file, as JSON, or or as text.</summary>
    public void Write<T>(
        ParseResult parseResult, Output output, T picture, IReadOnlyList<string> lines, Action<T, string, bool> save)
    {
        if (parseResult.GetValue(_out) is string path)
        {
            save(picture, path, parseResult.GetValue(_force));
            return;
        }

        if (output.IsJson)
        {
            output.WriteJson(picture);
            return;
        }

        foreach (string line in lines)
        {
            output.WriteLine(line);
        }
    }
}
