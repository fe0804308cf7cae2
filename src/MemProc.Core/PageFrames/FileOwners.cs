using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Finds the files of address_spaces: inode, file system and path, by the names that the kernel has in memory. Nothing of a
/// file is opened. What changes during the read is null, never a guess.
/// </summary>
/// <param name="reader">The kernel's memory.</param>
internal sealed class FileOwners(KernelReader reader)
{
    private const int MaxDepth = 512;
    private const int MaxNameBytes = 255;
    private const int MaxTypeBytes = 64;
    private const int DeviceMinorBits = 20;
    private const int Attempts = 3;

    /// <summary>S_IFMT and S_IFBLK of <c>include/uapi/linux/stat.h</c>.</summary>
    private const uint FileTypeMask = 0xf000;
    private const uint BlockDevice = 0x6000;

    private readonly FileOffsets _offsets = reader.Layout.Frames.Files;
    private readonly Lazy<MountPoints> _mounts = new(() => MountPoints.Read(reader.Files));
    private readonly Dictionary<ulong, (Identity Identity, FrameFile File)> _known = [];
    private readonly Dictionary<ulong, string> _types = [];
    private readonly Dictionary<ulong, Identity?> _ahead = [];
    private readonly byte[] _inode = new byte[reader.Layout.Frames.Files.InodeUsedBytes];
    private readonly byte[] _name = new byte[reader.Layout.Frames.Files.NameBytes];

    /// <summary>Returns the file of an address_space; null if it could not be read.</summary>
    /// <param name="mapping">Address of the address_space.</param>
    public FrameFile? Find(ulong mapping)
    {
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            if ((attempt == 0 && _ahead.TryGetValue(mapping, out Identity? ahead) ? ahead : IdentityOf(mapping))
                is not Identity identity)
            {
                return null;
            }

            // An inode is freed and used again for another file: its address alone says nothing.
            if (_known.TryGetValue(mapping, out (Identity Identity, FrameFile File) known) && known.Identity == identity)
            {
                return known.File;
            }

            FrameFile? file = Read(identity);
            if (file is not null && IdentityOf(mapping) == identity)
            {
                _known[mapping] = (identity, file);
                return file;
            }
        }

        return null;
    }

    /// <summary>Forgets the paths, which change where a file or a folder above it is renamed.</summary>
    public void Forget() => _known.Clear();

    /// <summary>Reads the inodes of address_spaces together, for the next calls of <see cref="Find"/>.</summary>
    /// <param name="mappings">Addresses of address_spaces, each once.</param>
    public void ReadAhead(ReadOnlySpan<ulong> mappings)
    {
        _ahead.Clear();
        int head = _offsets.InodeHeadBytes;
        bool[] isRead = new bool[mappings.Length], hasGeneration = new bool[mappings.Length], hasNames = new bool[mappings.Length];
        ulong[] inodes = ReadEach(mappings.ToArray(), _offsets.MappingHost, isRead);
        byte[] heads = new byte[inodes.Length * head];
        reader.ReadEach(inodes, head, heads, isRead);
        // Generation and names can be farther from the beginning than a batch reads.
        ulong[] generations = ReadEach(inodes, _offsets.InodeGeneration, hasGeneration);
        ulong[] names = ReadEach(inodes, _offsets.InodeNames, hasNames);
        for (int index = 0; index < inodes.Length; index++)
        {
            _ahead.TryAdd(mappings[index], inodes[index] != 0 && isRead[index] && hasGeneration[index] && hasNames[index]
                ? IdentityIn(inodes[index], heads.AsSpan(index * head, head), (uint)generations[index], names[index])
                : null);
        }
    }

    /// <summary>Reads the same member of 64 bits of many structures; 0 where it cannot be read.</summary>
    private ulong[] ReadEach(ulong[] structures, int offset, bool[] isRead)
    {
        ulong[] values = new ulong[structures.Length];
        reader.ReadEach(Array.ConvertAll(structures, structure => structure + (ulong)offset), sizeof(ulong),
            MemoryMarshal.AsBytes(values.AsSpan()), isRead);
        return values;
    }

    private Identity? IdentityOf(ulong mapping)
    {
        if (!reader.TryReadUInt64(mapping, _offsets.MappingHost, out ulong address) || address == 0
            || reader.TryRead(address, _inode) != Errno.None)
        {
            return null;
        }

        KernelStructure inode = new(_inode);
        return IdentityIn(
            address, _inode, inode.ReadUInt32(_offsets.InodeGeneration), inode.ReadUInt64(_offsets.InodeNames));
    }

    private Identity IdentityIn(ulong address, ReadOnlySpan<byte> bytes, uint generation, ulong names)
    {
        KernelStructure inode = new(bytes);
        return new Identity(address, inode.ReadUInt64(_offsets.InodeNumber), generation,
            inode.ReadUInt64(_offsets.InodeSuperBlock), names,
            inode.ReadUInt32(_offsets.InodeMode) & FileTypeMask, inode.ReadUInt32(_offsets.InodeDevice));
    }

    private FrameFile? Read(in Identity identity)
    {
        if (!reader.TryReadUInt64(identity.SuperBlock, _offsets.SuperBlockDevice, out ulong device))
        {
            return null;
        }

        string? type = TypeOf(identity.SuperBlock);
        if (identity.Type == BlockDevice)
        {
            // The cache of a block device: superblock, inodes and folders of the file system on it.
            return new FrameFile(
                Text(identity.BlockDevice), identity.Number, type, Path: null, IsMounted: false, IsDeleted: false);
        }

        bool isDeleted = false;
        string? path = identity.Names == 0 ? null : PathOf(identity, out isDeleted);
        string? mounted = path is null ? null : _mounts.Value.PathOf((uint)device, path);
        return new FrameFile(
            Text((uint)device), identity.Number, type, mounted ?? path, mounted is not null, isDeleted);
    }

    /// <summary>Returns the path from the root of the file system; null if the names changed during the walk.</summary>
    private string? PathOf(in Identity identity, out bool isDeleted)
    {
        isDeleted = false;
        ulong name = identity.Names - (ulong)_offsets.NameLink;
        List<string> parts = [];
        for (int depth = 0; depth < MaxDepth; depth++)
        {
            if (reader.TryRead(name, _name) != Errno.None || TextOf(name) is not string text)
            {
                return null;
            }

            KernelStructure entry = new(_name);
            if (depth == 0)
            {
                if (entry.ReadUInt64(reader.Layout.EntryInode) != identity.Inode)
                {
                    return null;
                }

                isDeleted = entry.ReadUInt64(_offsets.NameHash) == 0;
            }

            ulong parent = entry.ReadUInt64(_offsets.NameParent);
            if (parent == name)
            {
                if (text != "/")
                {
                    // Not below a root: a file in memory, or one whose folders are not known.
                    parts.Add(text);
                }

                parts.Reverse();
                return $"/{string.Join('/', parts)}";
            }

            parts.Add(text);
            name = parent;
        }

        return null;
    }

    /// <summary>Returns the text of the name that was read last. A short one is part of the structure.</summary>
    private string? TextOf(ulong name)
    {
        KernelStructure entry = new(_name);
        uint length = entry.ReadUInt32(_offsets.NameLength);
        ulong text = entry.ReadUInt64(_offsets.NameText);
        if (length is 0 or > MaxNameBytes)
        {
            return null;
        }

        ulong offset = text - name;
        if (offset < (ulong)_name.Length && (ulong)_name.Length - offset >= length)
        {
            return Encoding.UTF8.GetString(_name, (int)offset, (int)length);
        }

        Span<byte> bytes = stackalloc byte[MaxNameBytes];
        bytes = bytes[..(int)length];
        return reader.TryRead(text, bytes) == Errno.None ? Encoding.UTF8.GetString(bytes) : null;
    }

    private string? TypeOf(ulong superBlock)
    {
        if (!reader.TryReadUInt64(superBlock, _offsets.SuperBlockType, out ulong type))
        {
            return null;
        }

        if (!_types.TryGetValue(type, out string? name)
            && reader.TryReadUInt64(type, _offsets.TypeName, out ulong text) && reader.TryReadText(text, MaxTypeBytes, out name))
        {
            _types.Add(type, name);
        }

        return name;
    }

    private static string Text(uint device) => string.Create(CultureInfo.InvariantCulture,
        $"{device >> DeviceMinorBits:x2}:{device & ((1u << DeviceMinorBits) - 1):x2}");

    /// <summary>What tells one file from another that has the same inode in memory later.</summary>
    private readonly record struct Identity(
        ulong Inode, ulong Number, uint Generation, ulong SuperBlock, ulong Names, uint Type, uint BlockDevice);
}

/// <summary>Where file systems are mounted, as this process sees it.</summary>
internal sealed class MountPoints
{
    private readonly Dictionary<uint, List<(string Root, string MountPoint)>> _byDevice = [];

    /// <summary>Reads the mount points of this process.</summary>
    public static MountPoints Read(KernelFiles files)
    {
        MountPoints mounts = new();
        string path = $"{files.Proc}/self/mountinfo";
        foreach (string text in File.Exists(path) ? File.ReadAllLines(path) : [])
        {
            if (MountInfoLine.TryParse(Encoding.UTF8.GetBytes(text), out MountInfoLine line))
            {
                uint device = line.DeviceMajor << 20 | line.DeviceMinor;
                if (!mounts._byDevice.TryGetValue(device, out List<(string, string)>? list))
                {
                    mounts._byDevice.Add(device, list = []);
                }

                list.Add((MountInfoLine.Unescape(line.Root), MountInfoLine.Unescape(line.MountPoint)));
            }
        }

        return mounts;
    }

    /// <summary>Returns the path of a file from the root; null if its file system is not mounted there.</summary>
    /// <param name="device">Device of the file system, as the kernel encodes it.</param>
    /// <param name="path">Path from the root of the file system.</param>
    public string? PathOf(uint device, string path)
    {
        // The mount that shows most of the file system is the usual one; others are bind mounts of its folders.
        List<(string Root, string MountPoint)> mounts = _byDevice.GetValueOrDefault(device) ?? [];
        foreach ((string root, string mountPoint) in mounts.OrderBy(mount => mount.Root.Length))
        {
            if (root == "/")
            {
                return mountPoint == "/" ? path : mountPoint + path;
            }

            if (path == root || path.StartsWith($"{root}/", StringComparison.Ordinal))
            {
                return mountPoint == "/" ? path[root.Length..] : mountPoint + path[root.Length..];
            }
        }

        return null;
    }
}
