using System.Buffers.Binary;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Finds the separate debug file of a stripped file, in the places where gdb looks: by build id below
/// <c>/usr/lib/debug/.build-id</c>, then by the name in <c>.gnu_debuglink</c>. The root of the process comes before that
/// of the caller, where only <c>/usr/lib/debug</c> is searched. A file counts only if the build id matches, or the
/// checksum where there is no build id.
/// </summary>
internal static class DebugFiles
{
    private const string Root = "/usr/lib/debug";

    /// <summary>
    /// Bytes of the largest file that is read for its checksum. Larger ones have a build id, and a sparse file can claim
    /// terabytes.
    /// </summary>
    private const ulong MaxChecksumBytes = 1UL << 30;

    /// <summary>Finds and opens the debug file; null where there is none.</summary>
    /// <param name="process">The process.</param>
    /// <param name="file">The stripped file.</param>
    /// <param name="cancellation">Stops the search.</param>
    /// <exception cref="MemProcException">ReadElf, EFBIG: the only file found is too large to be checked.</exception>
    public static ElfFile? Find(MemoryTarget process, MappedFile file, CancellationToken cancellation)
    {
        if (file.Elf is not ElfFile image)
        {
            return null;
        }

        string? buildId = image.BuildId;
        (string Name, uint Checksum)? link = Link(image);
        HashSet<(uint, uint, ulong)> seen = [];
        MemProcException? tooLarge = null;
        foreach ((TargetFiles files, string path) in Candidates(process.NamedFiles, file.Path, buildId, link?.Name))
        {
            if (TryOpen(files, path, seen, cancellation) is not ElfFile found)
            {
                continue;
            }

            try
            {
                if (IsOf(found, image, buildId, link?.Checksum))
                {
                    return found;
                }
            }
            catch (MemProcException error)
            {
                // It cannot be read, or not within bounds: the search continues.
                tooLarge ??= error.Errno == Errno.EFBIG ? error : null;
            }
            catch
            {
                found.Dispose();
                throw;
            }

            found.Dispose();
        }

        return tooLarge is null ? null : throw tooLarge;
    }

    /// <summary>
    /// Reads name and checksum of <c>.gnu_debuglink</c>: a string padded to four bytes, and 32 bits. Null where there is
    /// none, or its name is not that of a file in a directory.
    /// </summary>
    internal static (string Name, uint Checksum)? Link(ElfFile image)
    {
        const ulong MaxLinkBytes = 4096;
        const int MaxNameBytes = 255;
        ElfSection? section = image.Sections.FirstOrDefault(section => section.Name == ".gnu_debuglink");
        if (section is null || section.SizeBytes is < 8 or > MaxLinkBytes)
        {
            return null;
        }

        byte[] bytes = image.Source.ReadExactly(section.Offset, section.SizeBytes, ".gnu_debuglink");
        int end = bytes.AsSpan(0, bytes.Length - sizeof(uint)).IndexOf((byte)0);
        if (end is <= 0 or > MaxNameBytes)
        {
            return null;
        }

        string name = PathText.Decode(bytes.AsSpan(0, end));
        uint sum = image.Format.IsBigEndian
            ? BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(bytes.Length - sizeof(uint)))
            : BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(bytes.Length - sizeof(uint)));
        return name.Contains('/') || name is "." or ".." ? null : (name, sum);
    }

    private static IEnumerable<(TargetFiles Files, string Path)> Candidates(
        TargetFiles ofProcess, string path, string? buildId, string? link)
    {
        if (buildId is { Length: > 2 })
        {
            string byId = $"{Root}/.build-id/{buildId[..2]}/{buildId[2..]}.debug";
            yield return (ofProcess, byId);
            yield return (TargetFiles.OfHost, byId);
        }

        if (link is not null && ofProcess.FromMaps(path) is string name && Path.GetDirectoryName(name) is string folder)
        {
            yield return (ofProcess, $"{folder}/{link}");
            yield return (ofProcess, $"{folder}/.debug/{link}");
            yield return (ofProcess, $"{Root}{folder}/{link}");
            yield return (TargetFiles.OfHost, $"{Root}{folder}/{link}");
        }
    }

    /// <summary>Opens an ELF file; null where there is none, or it was seen before.</summary>
    private static ElfFile? TryOpen(
        TargetFiles files, string path, HashSet<(uint, uint, ulong)> seen, CancellationToken cancellation)
    {
        if (files.TryOpen(path, cancellation, out CheckedFile? file) is not null)
        {
            return null;
        }

        FileStatus status = file!.Status;
        if (!seen.Add((status.DeviceMajor, status.DeviceMinor, status.Inode)))
        {
            file.Dispose();
            return null;
        }

        try
        {
            return ElfFile.Read(new ElfFileSource(file, path, cancellation));
        }
        catch (MemProcException)
        {
            // It is not an ELF file: the search continues.
            return null;
        }
    }

    private static bool IsOf(ElfFile file, ElfFile image, string? buildId, uint? checksum) =>
        file.Format == image.Format && file.Raw.Machine == image.Raw.Machine
        && (buildId is not null ? file.BuildId == buildId : checksum is uint sum && Checksum(file.Source) == sum);

    /// <summary>Computes the CRC-32 that zip and Ethernet use, eight bytes at a time.</summary>
    /// <exception cref="MemProcException">ReadElf, EFBIG: there is more to read than the limit.</exception>
    internal static uint Checksum(ElfSource source)
    {
        uint[][] tables = ChecksumTables();
        uint sum = uint.MaxValue;
        byte[] buffer = new byte[256 * 1024];
        for (ulong at = 0; source.Read(at, buffer) is int read and > 0; at += (ulong)read)
        {
            if (at >= MaxChecksumBytes || source.Length > MaxChecksumBytes)
            {
                throw new MemProcException(Operation.ReadElf, Errno.EFBIG, $"{SafeText.Escape(source.Name)} is not used as a "
                    + $"debug file: it has {source.Length} bytes and no build id, and checksums are computed for up to "
                    + $"{MaxChecksumBytes} bytes.", source.Name);
            }

            ReadOnlySpan<byte> rest = buffer.AsSpan(0, read);
            for (; rest.Length >= sizeof(ulong); rest = rest[sizeof(ulong)..])
            {
                ulong word = BinaryPrimitives.ReadUInt64LittleEndian(rest) ^ sum;
                sum = 0;
                for (int index = 0; index < sizeof(ulong); index++)
                {
                    sum ^= tables[sizeof(ulong) - 1 - index][(byte)(word >> (8 * index))];
                }
            }

            foreach (byte value in rest)
            {
                sum = tables[0][(byte)(sum ^ value)] ^ sum >> 8;
            }
        }

        return ~sum;
    }

    /// <summary>Tables for the remainder of a byte that is followed by none to seven zero bytes.</summary>
    private static uint[][] ChecksumTables()
    {
        uint[][] tables = new uint[sizeof(ulong)][];
        for (int table = 0; table < tables.Length; table++)
        {
            tables[table] = new uint[256];
            for (uint value = 0; value < 256; value++)
            {
                uint rest = table == 0 ? value : tables[table - 1][value];
                for (int bit = 0; bit < 8; bit++)
                {
                    rest = (rest & 1) != 0 ? rest >> 1 ^ 0xedb8_8320 : rest >> 1;
                }

                tables[table][value] = rest;
            }
        }

        return tables;
    }
}
