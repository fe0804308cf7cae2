using System.Buffers.Binary;
using System.Text;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// Finds the separate debug file of a stripped file, in the places where gdb looks: by build id below
/// <c>/usr/lib/debug/.build-id</c>, then by the name in <c>.gnu_debuglink</c>. The mount namespace of the process comes
/// before that of the caller. A file counts only if the build id matches, or the checksum where there is no build id.
/// </summary>
internal static class DebugFiles
{
    private const string Root = "/usr/lib/debug";

    /// <summary>Finds and opens the debug file; null where there is none.</summary>
    /// <param name="process">The process.</param>
    /// <param name="file">The stripped file.</param>
    public static ElfFile? Find(LinuxProcess process, MappedFile file)
    {
        if (file.Elf is not ElfFile image)
        {
            return null;
        }

        string? buildId = image.BuildId;
        string? link = null;
        uint checksum = 0;
        if (Link(image) is (string name, uint sum))
        {
            (link, checksum) = (name, sum);
        }

        foreach (string path in CandidatePaths(file.Path, buildId, link))
        {
            foreach (SafeFileHandle? root in (SafeFileHandle?[])[process.Folder, null])
            {
                if (TryOpen(root, root is null ? path : $"root{path}", path) is not ElfFile found)
                {
                    continue;
                }

                if (IsOf(found, buildId, link is null ? null : checksum))
                {
                    return found;
                }

                found.Dispose();
            }
        }

        return null;
    }

    private static IEnumerable<string> CandidatePaths(string path, string? buildId, string? link)
    {
        if (buildId is { Length: > 2 })
        {
            yield return $"{Root}/.build-id/{buildId[..2]}/{buildId[2..]}.debug";
        }

        if (link is not null && path.StartsWith('/') && Path.GetDirectoryName(path) is string folder)
        {
            yield return $"{folder}/{link}";
            yield return $"{folder}/.debug/{link}";
            yield return $"{Root}{folder}/{link}";
        }
    }

    private static ElfFile? TryOpen(SafeFileHandle? root, string path, string name)
    {
        try
        {
            return Libc.TryOpenAt(root, path, OpenAccess.ReadNonBlocking, out SafeFileHandle? file) == Errno.None
                ? ElfFile.Read(new ElfFileSource(file!, name))
                : null;
        }
        catch (MemProcException)
        {
            // It is not an ELF file: the search continues.
            return null;
        }
    }

    private static bool IsOf(ElfFile file, string? buildId, uint? checksum)
    {
        try
        {
            return buildId is not null ? file.BuildId == buildId : checksum is uint sum && Checksum(file.Source) == sum;
        }
        catch (MemProcException)
        {
            return false;
        }
    }

    /// <summary>Reads name and checksum of <c>.gnu_debuglink</c>: a string padded to four bytes, and 32 bits.</summary>
    private static (string Name, uint Checksum)? Link(ElfFile image)
    {
        const ulong MaxLinkBytes = 4096;
        ElfSection? section = image.Sections.FirstOrDefault(section => section.Name == ".gnu_debuglink");
        if (section is null || section.SizeBytes is < 8 or > MaxLinkBytes)
        {
            return null;
        }

        byte[] bytes = image.Source.ReadExactly(section.Offset, section.SizeBytes, ".gnu_debuglink");
        int end = bytes.AsSpan(0, bytes.Length - sizeof(uint)).IndexOf((byte)0);
        string name = end > 0 ? Encoding.UTF8.GetString(bytes, 0, end) : string.Empty;
        uint sum = image.Format.IsBigEndian
            ? BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(bytes.Length - sizeof(uint)))
            : BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(bytes.Length - sizeof(uint)));
        return name.Length == 0 || name.Contains('/') || name is "." or ".." ? null : (name, sum);
    }

    /// <summary>Computes the CRC-32 that zip and Ethernet use.</summary>
    private static uint Checksum(ElfSource source)
    {
        uint[] table = new uint[256];
        for (uint value = 0; value < table.Length; value++)
        {
            uint rest = value;
            for (int bit = 0; bit < 8; bit++)
            {
                rest = (rest & 1) != 0 ? rest >> 1 ^ 0xedb8_8320 : rest >> 1;
            }

            table[value] = rest;
        }

        uint sum = uint.MaxValue;
        byte[] buffer = new byte[256 * 1024];
        for (ulong at = 0; source.Read(at, buffer) is int read and > 0; at += (ulong)read)
        {
            foreach (byte value in buffer.AsSpan(0, read))
            {
                sum = table[(sum ^ value) & 0xff] ^ sum >> 8;
            }
        }

        return ~sum;
    }
}
