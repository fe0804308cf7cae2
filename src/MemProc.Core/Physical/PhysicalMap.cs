using System.Text;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// The machine's physical address space as <c>/proc/iomem</c> shows it: a tree of ranges, read once.
/// </summary>
public sealed class PhysicalMap
{
    /// <summary>The warning where the kernel hides addresses.</summary>
    public static string AddressesHidden => "The kernel hides physical addresses from this user: Start, End, SizeBytes, "
        + $"Pfn and PageCount are empty. {CallerRights.Read().Explain([Capability.SysAdmin])}";

    private readonly string _path;

    private PhysicalMap(string path, List<PhysicalRange> ranges)
    {
        _path = path;
        Ranges = ranges.AsReadOnly();
    }

    /// <summary>All ranges by address, each before those inside it.</summary>
    public IReadOnlyList<PhysicalRange> Ranges { get; }

    /// <summary>The kernel hid the addresses; names and tree are unaffected.</summary>
    public bool IsHidden => Ranges[0].IsAddressHidden;

    /// <summary>
    /// The memory that the kernel manages, memory that was added later included (<c>System RAM (kmem)</c>); empty where the
    /// kernel hid the addresses.
    /// </summary>
    internal IEnumerable<AddressRange> SystemRam =>
        from range in Ranges
        where !range.IsAddressHidden && range.Name.StartsWith("System RAM", StringComparison.Ordinal)
        select new AddressRange(range.Start!.Value, range.End!.Value);

    /// <summary>Reads the ranges.</summary>
    /// <param name="files">Where procfs is; the usual place when left out.</param>
    /// <exception cref="MemProcException">
    /// ReadPhysicalMap: ENOENT where the file is missing or empty, EINVAL where its format is unknown.
    /// </exception>
    public static PhysicalMap Read(KernelFiles? files = null)
    {
        string path = $"{(files ?? KernelFiles.Default).Proc}/iomem";
        return new PhysicalMap(path, Parse(ReadText(path, files), path));
    }

    /// <summary>Parses a physical address, written as addresses are.</summary>
    /// <exception cref="FormatException">The text is not a number.</exception>
    public static ulong ParseAddress(string text)
    {
        try
        {
            return NumberText.Parse(text);
        }
        catch (FormatException error)
        {
            throw new FormatException(
                $"'{SafeText.Escape(text)}' is not a valid physical address. Write 0xcd8c000, or cd8c000 (a text with "
                + "a letter a to f is hex), or a decimal number; at most 64 bits.", error);
        }
    }

    /// <summary>Returns the ranges that contain a byte, from the outermost to the innermost.</summary>
    /// <param name="address">Physical address of the byte.</param>
    /// <exception cref="MemProcException">
    /// FindPhysicalRange: ENOENT where no range contains it, EPERM where addresses are hidden.
    /// </exception>
    public IEnumerable<PhysicalRange> Containing(ulong address)
    {
        string what = $"the address 0x{address:x}";
        List<PhysicalRange> found = Overlapping(address, address, what, address);
        return found.Count > 0 ? found : throw NotFound(what, address);
    }

    /// <summary>
    /// Returns the ranges that contain a byte of some frames, each before those inside it. For one frame this is the
    /// chain from the outermost to the innermost, unless ranges begin or end within the frame.
    /// </summary>
    /// <param name="pfn">The first frame.</param>
    /// <param name="count">Number of frames, at least 1.</param>
    /// <exception cref="MemProcException">As <see cref="Containing"/>.</exception>
    public IEnumerable<PhysicalRange> ContainingFrames(ulong pfn, ulong count = 1)
    {
        const ulong All = ulong.MaxValue;
        ulong beyond = All / MachinePage.SizeBytes + 1;
        if (pfn >= beyond)
        {
            throw FrameNotFound($"the frame 0x{pfn:x}", pfn);
        }

        ulong last = count >= beyond - pfn ? All : (pfn + count) * MachinePage.SizeBytes - 1;
        string what = count == 1 ? $"the frame 0x{pfn:x}" : $"the {count} frames from 0x{pfn:x}";
        List<PhysicalRange> found = Overlapping(pfn * MachinePage.SizeBytes, last, what, pfn);
        return found.Count > 0 ? found : throw FrameNotFound(what, pfn);
    }

    /// <summary>Creates the error for a name that no range has.</summary>
    public static MemProcException NameNotFound(string name) =>
        new(Operation.FindPhysicalRange, Errno.ENOENT, $"No range of physical addresses has the name '{SafeText.Escape(name)}'.",
            name);

    private static List<PhysicalRange> Parse(ReadOnlySpan<byte> text, string path)
    {
        // One range can begin and end at 0, but not all of them.
        bool isHidden = true;
        foreach (Range line in text.Split((byte)'\n'))
        {
            isHidden &= !IomemLine.TryParse(text[line], out IomemLine shown) || shown.IsZero;
        }

        List<PhysicalRange> ranges = [];
        List<PhysicalRange> around = [];
        foreach (Range line in text.Split((byte)'\n'))
        {
            if (text[line].IsEmpty)
            {
                continue;
            }

            if (!IomemLine.TryParse(text[line], out IomemLine shown))
            {
                throw new MemProcException(Operation.ReadPhysicalMap, Errno.EINVAL,
                    $"A line of {path} has an unknown format: '{SafeText.Escape(Encoding.UTF8.GetString(text[line]))}'.",
                    path);
            }

            PopOutside(around, shown);
            PhysicalRange range = new(Encoding.UTF8.GetString(shown.Name), around.LastOrDefault(),
                isHidden ? null : shown.Start, shown.Last);
            ranges.Add(range);
            around.Add(range);
        }

        return ranges.Count > 0
            ? ranges
            : throw new MemProcException(Operation.ReadPhysicalMap, Errno.ENOENT,
                $"{path} is empty. The runtime of a container may have replaced it.", path);
    }

    /// <summary>Removes the ranges that do not enclose the next one.</summary>
    private static void PopOutside(List<PhysicalRange> around, in IomemLine next)
    {
        // At the deepest level that is shown, only addresses separate a child from a sibling: siblings do not overlap.
        while (around.Count > next.Depth
            && !(next.Depth == IomemLine.MaxDepth && around[^1].Encloses(next.Start, next.Last)))
        {
            around.RemoveAt(around.Count - 1);
        }
    }

    private static byte[] ReadText(string path, KernelFiles? files)
    {
        Errno errno = Libc.TryOpenAt(null, path, OpenAccess.ReadOnly, out SafeFileHandle? file);
        if (file is null)
        {
            throw new MemProcException(Operation.ReadPhysicalMap, errno, errno switch
            {
                Errno.ENOENT => CallerRights.Read(files).MissingFile(path,
                    $"There is no {path}: the kernel has none, or the runtime of a container hides it."),
                Errno.EACCES => $"Cannot open {path}: {ErrnoException.Describe(errno)} ({errno}). "
                    + CallerRights.Read(files).Explain([Capability.DacReadSearch]),
                _ => $"Cannot open {path}: {ErrnoException.Describe(errno)} ({errno}).",
            }, path);
        }

        using (file)
        {
            try
            {
                byte[] text = new byte[16 * 1024];
                int length;
                while ((length = Libc.PReadFully(file, text, 0)) == text.Length)
                {
                    text = new byte[text.Length * 2];
                }

                return text[..length];
            }
            catch (ErrnoException error)
            {
                throw new MemProcException(
                    Operation.ReadPhysicalMap, error.Errno, $"Cannot read {path}: {error.Message}.", path);
            }
        }
    }

    private List<PhysicalRange> Overlapping(ulong first, ulong last, string what, ulong target)
    {
        if (IsHidden)
        {
            throw new MemProcException(Operation.FindPhysicalRange, Errno.EPERM,
                $"Cannot find the range that contains {what}: {_path} hides addresses from this user. "
                + CallerRights.Read().Explain([Capability.SysAdmin]), target);
        }

        return [.. Ranges.Where(range => range.Overlaps(first, last))];
    }

    private static MemProcException FrameNotFound(string what, ulong pfn) => NotFound(what, pfn, $" {PfnRange.Advice}");

    private static MemProcException NotFound(string what, ulong target, string advice = "") =>
        new(Operation.FindPhysicalRange, Errno.ENOENT, $"No range of physical addresses contains {what}.{advice}", target);
}
