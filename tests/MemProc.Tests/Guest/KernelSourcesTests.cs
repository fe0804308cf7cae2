namespace MemProc.Tests;

/// <summary>
/// Compares the ways to read the kernel's memory with each other and with procfs. Which of them exist depends on the kernel.
/// </summary>
[Collection(KernelPrograms.Collection)]
public sealed class KernelSourcesTests
{
    [Theory]
    [InlineData(KernelReadSource.Bpf)]
    [InlineData(KernelReadSource.BpfTracepoint)]
    [InlineData(KernelReadSource.Kcore)]
    public void All_pages_and_mappings_of_a_target_equal_pagemap_and_maps(KernelReadSource source)
    {
        Require(source);
        using TargetProcess target = TargetProcess.Start();
        FramePages.Anonymous(target, 20);
        target.Ask("reserve 0x10000000000 100");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using ProcessStop still = ProcessStop.Begin(process);
        ProcMap[] maps = [.. MapReader.Read(process).Where(map => map.Kind != ProcMapKind.Vsyscall)];
        using KernelVmaReader vmas = new(source);
        Assert.Equal(maps.Select(map => (map.Start, map.End, map.Permissions, map.Inode)),
            vmas.Read(process).Select(vma => (vma.Start, vma.End, vma.Permissions, vma.Inode)));
        using KernelMemoryMapReader memory = new(source);
        Assert.Equal((uint)maps.Length, memory.Read(process).MapCount);
        using PageTableReader tables = new(source);
        int present = 0;
        foreach (ProcMap map in maps)
        {
            Dictionary<ulong, ulong> frames = new PageMapWalk(process).Range(map.Start, map.End - map.Start)
                .Where(page => page.IsPresent).ToDictionary(page => page.Address, page => page.Pfn!.Value);
            HashSet<ulong> walked = [];
            foreach (PageTableWalk walk in tables.WalksIn(process, map.Start, map.End - map.Start).Where(walk => walk.IsPresent))
            {
                for (ulong page = 0; page * Page.Size < walk.PageSizeBytes && walk.Address + page * Page.Size < map.End; page++)
                {
                    ulong address = walk.Address + page * Page.Size;
                    // pagemap leaves out mappings of frames without struct pages.
                    if (map.Kind is not (ProcMapKind.Vvar or ProcMapKind.Device))
                    {
                        Assert.Equal(walk.Pfn + page, frames.GetValueOrDefault(address));
                        walked.Add(address);
                    }
                }
            }

            Assert.Equal(frames.Count, walked.Count);
            present += walked.Count;
        }

        Assert.InRange(present, 120, int.MaxValue);
    }

    [Theory]
    [InlineData(KernelReadSource.Bpf)]
    [InlineData(KernelReadSource.Kcore)]
    public void Frames_of_each_kind_are_recognized_by_each_source(KernelReadSource source)
    {
        Require(source);
        using TargetProcess target = TargetProcess.Start();
        ulong anonymous = FramePages.Anonymous(target);
        ulong shared = target.Ask($"memfd {Page.Size} frames").Address("address");
        target.Ask($"touch {shared} 1");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using PageFrameReader reader = new(source);
        foreach ((ulong address, PageFrameKind kind) in
            new[] { (anonymous, PageFrameKind.Anonymous), (shared, PageFrameKind.SharedMemory) })
        {
            PageFrame? frame = Assert.Single(reader.Read(FramePages.Pfns(process, address)));
            Assert.Equal(kind, frame?.Kind);
        }
    }

    private static void Require(KernelReadSource source)
    {
        Requires.Root();
        try
        {
            using PageTableReader reader = new(source);
            _ = reader.Source;
        }
        catch (MemProcException error)
        {
            Assert.Skip(error.Message);
        }
    }
}
