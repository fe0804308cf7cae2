namespace MemProc;

/// <summary>Finds whom frames belong to: files, slab caches, memory cgroups.</summary>
internal sealed class FrameOwners
{
    private const int MaxSlabNameBytes = 128;
    private const int MaxCgroupDepth = 64;

    private const ulong CgroupMarks = 7;
    private const ulong HasObjects = 1;
    private const ulong IsKernelCharge = 2;

    /// <summary>CSS_ONLINE of <c>include/linux/cgroup-defs.h</c>.</summary>
    private const uint IsOnline = 2;

    private readonly KernelReader _reader;
    private readonly FrameLayout _layout;
    private readonly Lazy<CgroupTree> _cgroups;
    private readonly Dictionary<ulong, FrameSlab?> _slabs = [];
    private readonly Dictionary<ulong, FrameCgroup?> _charged = [];
    private readonly Dictionary<ulong, FrameFile?> _files = [];
    private readonly HashSet<ulong> _mappings = [];
    private readonly FileOwners _fileOwners;

    public FrameOwners(KernelReader reader)
    {
        _reader = reader;
        _layout = reader.Layout.Frames;
        _fileOwners = new FileOwners(reader);
        _cgroups = new Lazy<CgroupTree>(() => CgroupTree.Load(reader.Files));
    }

    /// <summary>Forgets what may have changed: called before the owners of frames that were just read are looked up.</summary>
    public void Refresh()
    {
        _slabs.Clear();
        _charged.Clear();
        _files.Clear();
        _fileOwners.ReadAhead([]);
    }

    /// <summary>Forgets what may have changed, and reads the files of frames together.</summary>
    /// <param name="states">The frames.</param>
    public void Refresh(IEnumerable<FrameState> states)
    {
        Refresh();
        _mappings.Clear();
        ulong last = 0;
        foreach (FrameState state in states)
        {
            if (state.Owner != last && HasFile(state))
            {
                _mappings.Add(last = state.Owner);
            }
        }

        _fileOwners.ReadAhead([.. _mappings]);
    }

    /// <summary>Forgets the paths of files, too.</summary>
    public void Forget() => _fileOwners.Forget();

    /// <summary>Returns whom a frame belongs to.</summary>
    /// <param name="state">What its struct page says.</param>
    /// <param name="kinds">The kinds of owners that are looked up.</param>
    public FrameOwner Of(in FrameState state, FrameOwnerKinds kinds) => new(
        kinds.HasFlag(FrameOwnerKinds.File) ? FileOf(state) : null,
        kinds.HasFlag(FrameOwnerKinds.Slab) ? SlabOf(state) : null,
        kinds.HasFlag(FrameOwnerKinds.Cgroup) ? CgroupOf(state) : null);

    /// <summary>Returns the file of a frame; null where it has none, or it could not be read.</summary>
    public FrameFile? FileOf(in FrameState state)
    {
        if (!HasFile(state))
        {
            return null;
        }

        if (!_files.TryGetValue(state.Owner, out FrameFile? file))
        {
            _files.Add(state.Owner, file = _fileOwners.Find(state.Owner));
        }

        return file;
    }

    private static bool HasFile(in FrameState state) => state.Owner != 0
        && (state.Kind is PageFrameKind.File or PageFrameKind.SharedMemory
            || (state.Kind == PageFrameKind.HugeTlb && (state.Owner & 1) == 0));

    /// <summary>Returns the slab cache of a frame; null where it has none, or it could not be read.</summary>
    public FrameSlab? SlabOf(in FrameState state)
    {
        if (state.Kind != PageFrameKind.Slab || state.Owner == 0)
        {
            return null;
        }

        if (!_slabs.TryGetValue(state.Owner, out FrameSlab? slab))
        {
            slab = _layout is { SlabName: int name, SlabObjectSize: int size }
                && _reader.TryReadUInt64(state.Owner, name, out ulong text)
                && _reader.TryReadUInt64(state.Owner, size, out ulong bytes)
                && _reader.TryReadText(text, MaxSlabNameBytes, out string value)
                ? new FrameSlab(value, (int)(uint)bytes)
                : null;
            _slabs.Add(state.Owner, slab);
        }

        return slab;
    }

    /// <summary>
    /// Returns the memory cgroup that a frame is charged to, or of one that was removed the nearest above it that exists;
    /// null where none is charged, where the objects of a slab are charged one by one, or where it could not be read.
    /// </summary>
    public FrameCgroup? CgroupOf(in FrameState state)
    {
        ulong word = state.Cgroup;
        if (word == 0 || state.Kind is PageFrameKind.Free or PageFrameKind.Slab || (word & HasObjects) != 0)
        {
            return null;
        }

        if (!_charged.TryGetValue(word, out FrameCgroup? cgroup))
        {
            _charged.Add(word, cgroup = ReadCgroup(word));
        }

        return cgroup;
    }

    private FrameCgroup? ReadCgroup(ulong word)
    {
        CgroupOffsets offsets = _layout.Cgroups;
        ulong memory = word & ~CgroupMarks;
        if (_layout.Page.HasCgroupFlags && (word & IsKernelCharge) != 0
            && (offsets.ObjectCgroup is not int member || !_reader.TryReadUInt64(memory, member, out memory)))
        {
            return null;
        }

        if (offsets is not { Flags: int flags, Parent: int parent, Cgroup: int cgroup, Node: int node, NodeId: int id })
        {
            return null;
        }

        for (int depth = 0; depth < MaxCgroupDepth && memory != 0; depth++)
        {
            if (!_reader.TryReadUInt64(memory, flags, out ulong state))
            {
                return null;
            }

            if (((uint)state & IsOnline) != 0)
            {
                return _reader.TryReadUInt64(memory, cgroup, out ulong address)
                    && _reader.TryReadUInt64(address, node, out ulong folder)
                    && _reader.TryReadUInt64(folder, id, out ulong inode)
                    ? new FrameCgroup(inode, _cgroups.Value.PathOf(inode))
                    : null;
            }

            if (!_reader.TryReadUInt64(memory, parent, out ulong above) || above == 0)
            {
                return null;
            }

            memory = above - (ulong)offsets.State;
        }

        return null;
    }
}
