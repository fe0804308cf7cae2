using System.Text;

namespace MemProc.Target;

/// <summary>
/// The commands. Numbers are decimal or hexadecimal with 0x; <c>prot</c> is like <c>rw-</c> or <c>---</c>; text and
/// paths extend to the end of the line. New mappings stay mapped, with a hole on either side (<see cref="Mappings"/>).
/// <list type="bullet">
/// <item><c>seed</c>: two pages with known strings → <c>address</c></item>
/// <item><c>garlic</c>: the text <c>garlic</c> on the heap and a variable that points to it →
/// <c>text pointer</c></item>
/// <item><c>say address</c>: the NUL-terminated text there, as this process reads it → <c>text</c></item>
/// <item><c>peek address length</c> → <c>bytes</c> in hexadecimal</item>
/// <item><c>map length prot private|shared</c>: anonymous memory → <c>address</c></item>
/// <item><c>touch address pages [stride]</c>: writes 1 to the first byte of each page</item>
/// <item><c>fill address length seed</c>: the bytes of <see cref="MemoryBytes.Fill"/></item>
/// <item><c>protect address length prot</c>, <c>unmap address length</c>, <c>advise address length number</c></item>
/// <item><c>move address length</c>: moves a mapping, or a part of one, as mremap(2) does → <c>address</c></item>
/// <item><c>replace address length</c>: shared anonymous memory in place of what is mapped there</item>
/// <item><c>refuse address length</c>, <c>stall address length</c>: writes by other processes to these touched pages
/// fail, or wait until this process exits; maps still shows them as writable (<see cref="UserFault"/>)</item>
/// <item><c>miss address length</c>, <c>minor address length</c>: an access to a page that is missing there, or not
/// mapped, waits for a handler, and there is none (<see cref="UserFault"/>); <c>supply address length byte</c>: supplies
/// pages of the last of these areas, filled with a byte</item>
/// <item><c>serve address length byte</c>: a thread of this process supplies missing pages, filled with a byte</item>
/// <item><c>name address length text</c>: names anonymous memory</item>
/// <item><c>file offset length prot private|shared path</c>: an existing file; the path may contain
/// <c>\n</c>, <c>\e</c> and <c>\\</c> → <c>address</c></item>
/// <item><c>evict offset length path</c>: writes back and drops these bytes of a file from the page cache, to
/// the end if the length is 0; the path has the same escapes as in <c>file</c></item>
/// <item><c>memfd length name</c>: a memfd, mapped shared → <c>address</c></item>
/// <item><c>secret length</c>: secret memory (memfd_secret(2)), mapped shared → <c>address</c></item>
/// <item><c>reserve length pages</c>: a reservation in which this number of pages, <c>stride</c> bytes apart, is
/// touched → <c>address pages stride</c></item>
/// <item><c>vmas count</c>: this number of adjacent mappings of one page each → <c>address length</c></item>
/// <item><c>spin address</c>: a thread that keeps adding 1 to the 64-bit number there</item>
/// <item><c>churn [address length]</c>: a thread that keeps mapping, touching, splitting and unmapping in its own
/// range, and removes and restores access to the given memory (<see cref="BusyThreads.Churn"/>) →
/// <c>address length</c></item>
/// <item><c>breed</c>: a thread that repeatedly starts others, each of which exits at once</item>
/// <item><c>still</c>: stops these threads → <c>threads</c></item>
/// <item><c>bpf name</c>: what the kernel has loaded by that name, of all owners (<see cref="KernelObjects"/>) →
/// <c>programs maps</c>, ids separated by commas</item>
/// <item><c>leave</c>: the main thread exits, another one answers the next commands</item>
/// <item><c>exit</c></item>
/// </list>
/// Memory is read and written by plain instructions. A read of unreadable memory is an error; a write to read-only
/// memory ends the process with a signal.
/// </summary>
internal sealed class CommandTable
{
    /// <summary>The command that ends the process.</summary>
    public const string Exit = "exit";

    /// <summary>The command that ends the main thread.</summary>
    public const string Leave = "leave";

    private readonly BusyThreads _busy = new();
    private readonly Dictionary<string, Func<Arguments, Reply>> _commands;

    /// <summary>Creates the table.</summary>
    public CommandTable() => _commands = new(StringComparer.Ordinal)
    {
        ["seed"] = _ => new Reply().Address("address", MemoryBytes.Seed()),
        ["garlic"] = _ => Garlic(),
        ["say"] = arguments => new Reply().Text("text", MemoryBytes.ReadText(arguments.Address())),
        ["peek"] = arguments =>
            new Reply().Bytes("bytes", MemoryBytes.Read(arguments.Address(), checked((int)arguments.Length()))),
        ["map"] = arguments => new Reply().Address("address",
            Mappings.Anonymous(arguments.Length(), arguments.Protection(), arguments.IsShared())),
        ["touch"] = arguments => Done(() => MemoryBytes.Touch(
            arguments.Address(), arguments.Number("pages"), arguments.NumberOr("stride", 1) * Native.PageSize)),
        ["fill"] = arguments => Done(() => MemoryBytes.Fill(
            arguments.Address(), arguments.Length(), (uint)arguments.Number("seed"))),
        ["protect"] = arguments => Done(() => Native.Protect(
            arguments.Address(), arguments.Length(), arguments.Protection())),
        ["unmap"] = arguments => Done(() => Native.Unmap(arguments.Address(), arguments.Length())),
        ["replace"] = arguments => Done(() => Mappings.Replace(arguments.Address(), arguments.Length())),
        ["move"] = arguments => new Reply().Address("address", Mappings.Move(arguments.Address(), arguments.Length())),
        ["advise"] = arguments => Done(() => Native.Advise(
            arguments.Address(), arguments.Length(), (int)arguments.Number("advice"))),
        ["refuse"] = arguments => Done(() => UserFault.Protect(
            arguments.Address(), arguments.Length(), isRefused: true)),
        ["stall"] = arguments => Done(() => UserFault.Protect(
            arguments.Address(), arguments.Length(), isRefused: false)),
        ["miss"] = arguments => Done(() => UserFault.Miss(arguments.Address(), arguments.Length(), isMinor: false)),
        ["minor"] = arguments => Done(() => UserFault.Miss(arguments.Address(), arguments.Length(), isMinor: true)),
        ["supply"] = arguments => Done(() => UserFault.Supply(
            arguments.Address(), arguments.Length(), (byte)arguments.Number("byte"))),
        ["serve"] = arguments => Done(() => UserFault.Serve(
            arguments.Address(), arguments.Length(), (byte)arguments.Number("byte"))),
        ["name"] = arguments => Done(() => Native.NameAnonymous(
            arguments.Address(), arguments.Length(), arguments.RestAsText("name"))),
        ["file"] = arguments => new Reply().Address("address", Mappings.File((long)arguments.Number("offset"),
            arguments.Length(), arguments.Protection(), arguments.IsShared(), arguments.RestAsText("path"))),
        ["evict"] = arguments => Done(() => Mappings.Evict((long)arguments.Number("offset"),
            (long)arguments.Number("length"), arguments.RestAsText("path"))),
        ["memfd"] = arguments => new Reply().Address("address",
            Mappings.MemoryFile(arguments.Length(), arguments.RestAsText("name"))),
        ["secret"] = arguments => new Reply().Address("address", Mappings.Secret(arguments.Length())),
        ["reserve"] = arguments => Reserve(arguments.Length(), arguments.Number("pages")),
        ["vmas"] = arguments => Many(arguments.Number("count")),
        ["spin"] = arguments => Done(() => _busy.Spin(arguments.Address())),
        ["churn"] = arguments => Churn((nint)arguments.NumberOr("address", 0), (nuint)arguments.NumberOr("length", 0)),
        ["breed"] = _ => Done(_busy.Breed),
        ["still"] = _ => new Reply().Number("threads", (ulong)_busy.Still()),
        ["bpf"] = arguments => Loaded(arguments.RestAsText("name")),
        [Exit] = _ => new Reply(),
    };

    /// <summary>Runs a command and returns the reply line.</summary>
    public string Answer(string line)
    {
        int space = line.IndexOf(' ', StringComparison.Ordinal);
        string name = space < 0 ? line : line[..space];
        Arguments arguments = new(space < 0 ? "" : line[(space + 1)..]);
        try
        {
            if (!_commands.TryGetValue(name, out Func<Arguments, Reply>? command))
            {
                throw new CommandException($"no such command: {name}");
            }

            Reply reply = command(arguments);
            arguments.End();
            return reply.ToString();
        }
        catch (Exception exception) when (exception is CommandException or OverflowException or OutOfMemoryException)
        {
            return $"error {exception.Message.ReplaceLineEndings(" ")}";
        }
    }

    private static Reply Done(Action action)
    {
        action();
        return new Reply();
    }

    private static Reply Garlic()
    {
        (nint text, nint pointer) = MemoryBytes.Garlic();
        return new Reply().Address("text", text).Address("pointer", pointer);
    }

    private static Reply Reserve(nuint length, ulong pages)
    {
        (nint address, ulong stride) = Mappings.Reserve(length, pages);
        return new Reply().Address("address", address).Number("pages", pages).Number("stride", stride);
    }

    private static Reply Loaded(byte[] name) => new Reply()
        .Text("programs", Encoding.ASCII.GetBytes(string.Join(',', KernelObjects.Programs(name))))
        .Text("maps", Encoding.ASCII.GetBytes(string.Join(',', KernelObjects.Maps(name))));

    private Reply Churn(nint wall, nuint wallLength)
    {
        nuint length = (nuint)(BusyThreads.ChurnedPages * Native.PageSize);
        nint address = Mappings.Hole(length);
        _busy.Churn(address, wall, wallLength);
        return new Reply().Address("address", address).Number("length", length);
    }

    private static Reply Many(ulong count)
    {
        (nint address, nuint length) = Mappings.Many(count);
        return new Reply().Address("address", address).Number("length", length);
    }
}
