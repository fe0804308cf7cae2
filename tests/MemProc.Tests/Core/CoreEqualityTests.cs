using System.Text;

namespace MemProc.Tests;

/// <summary>Tests that cores of MemProc, of gcore, and of the kernel show the same stopped process, page by page.</summary>
public sealed class CoreEqualityTests : IDisposable
{
    /// <summary>
    /// Pages that threads can write between the stop and the dump of the kernel, for which the process has to run again.
    /// </summary>
    private const int MaxWrittenPages = 200;

    private readonly TemporaryFolder _folder = new();

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Cores_of_three_writers_show_the_same_process()
    {
        Assert.SkipUnless(File.ReadAllText("/proc/sys/kernel/core_pattern").Trim() == "core",
            "needs core_pattern 'core', so that the kernel writes into the working folder");
        using TargetProcess target = TargetProcess.Start(CoreMaker.KernelPrefix(_folder));
        TargetReply garlic = target.Ask("garlic");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        SuspendedProcess stopped = SuspendedProcess.Begin(process);
        using MemProc.CoreFile own = MemProc.CoreFile.Open(CoreMaker.Save(process, _folder));
        using MemProc.CoreFile gcore = MemProc.CoreFile.Open(CoreMaker.Gcore(target.ProcessId, _folder));
        string[] live = [.. Views(process, garlic)];
        ProcMap[] maps = [.. MapReader.Read(process)];
        using MemProc.CoreFile kernel = MemProc.CoreFile.Open(CoreMaker.Kernel(target, _folder, stopped));
        Assert.Equal(live, Views(own, garlic));
        Assert.Equal(live, Views(gcore, garlic));
        Assert.Equal(live, Views(kernel, garlic));
        Assert.Equal(maps.Select(Place), MapReader.Read(own).Select(Place));
        Assert.Equal(maps.Select(Place), MapReader.Read(kernel).Select(Place));
        // gcore does not list what has neither content nor a file.
        Assert.Empty(MapReader.Read(gcore).Select(Place).Except(maps.Select(Place)));
        (int Same, int Written, int Lacking) ofGcore = Compare(own, gcore), ofKernel = Compare(own, kernel);
        Assert.Equal(0, ofGcore.Written);
        Assert.InRange(ofKernel.Written, 0, MaxWrittenPages);
        Assert.True(ofGcore.Same > 1000 && ofKernel.Same > 1000, $"{ofGcore} {ofKernel}");

        static string Place(ProcMap map) => $"{map.Start:x}-{map.End:x}";
    }

    /// <summary>Symbols, pointers, strings, and ELF files.</summary>
    private static IEnumerable<string> Views(MemoryTarget target, TargetReply garlic)
    {
        MemoryReader reader = new(target, ReadMethod.Auto);
        yield return reader.ReadText(garlic.Address("text"), 64, Encoding.UTF8);
        yield return string.Join(' ', PointerPath.Follow(target, reader, garlic.Address("pointer"), 1));
        ulong malloc = AddressExpression.Parse("libc.so.6!malloc").Resolve(target);
        using Symbolizer symbolizer = new(target);
        ResolvedAddress place = symbolizer.Resolve([malloc + 4], error => throw error).Single();
        yield return $"{place.Address:x} {place.Symbol} {place.Section}";
        yield return Convert.ToHexString(reader.ReadExactly(malloc, 64));
        using MappedImages images = new(target);
        foreach (MappedFile file in images.Named("libc.so.6"))
        {
            ElfFile elf = file.Elf!;
            yield return $"{elf.BuildId} {elf.Sections.Count} {elf.Segments.Count} {elf.Symbols(ElfSymbolSource.Dynamic).Count()}";
        }

        yield return string.Join(' ', new MemorySearch(target, BytePattern.Text("garlic", Encoding.UTF8, ignoreCase: false, 1)).Find()
            .Select(match => match.Address).Where(address => address == garlic.Address("text")));
    }

    /// <summary>Compares the pages of two cores that both have. Only writable memory may differ.</summary>
    private static (int Same, int Written, int Lacking) Compare(MemProc.CoreFile core, MemProc.CoreFile other)
    {
        (int same, int written, int lacking) = (0, 0, 0);
        MemoryReader reader = new(core, ReadMethod.Auto) { ResidentOnly = true };
        MemoryReader otherReader = new(other, ReadMethod.Auto) { ResidentOnly = true };
        foreach (ProcMap map in MapReader.Read(core).Where(map => map.Kind is not (ProcMapKind.Vvar or ProcMapKind.Vsyscall)))
        {
            foreach (AddressRange range in core.Memory.StoredRanges(map.Start, map.End).ToArray())
            {
                for (ulong at = range.Start; at < range.End; at += Page.Size)
                {
                    byte[] page = new byte[Page.Size], otherPage = new byte[Page.Size];
                    if (reader.Read(at, page.AsSpan()).Count > 0)
                    {
                        continue;
                    }

                    if (otherReader.Read(at, otherPage.AsSpan()) is [{ } gap, ..])
                    {
                        Assert.True(gap.Kind is MemoryGapKind.NotSaved or MemoryGapKind.NotMapped, gap.ToString());
                        lacking++;
                    }
                    else if (page.AsSpan().SequenceEqual(otherPage))
                    {
                        same++;
                    }
                    else
                    {
                        Assert.True(map.IsWritable, $"0x{at:x} {map.Permissions} {map.Path}");
                        written++;
                    }
                }
            }
        }

        return (same, written, lacking);
    }
}
