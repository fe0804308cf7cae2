namespace MemProc;

/// <summary>
/// Copies the tags of memory (MTE of arm64) of a stopped process to a core, as the kernel does in its cores
/// (<c>arch/arm64/kernel/elfcore.c</c>). Only a tracer can read them.
/// </summary>
/// <param name="stop">The process.</param>
/// <param name="classifier">Decides which pages are read.</param>
/// <param name="writer">Receives the tags.</param>
/// <param name="cancellation">Stops the work.</param>
internal sealed class TagCopier(
    ProcessStop stop, PageClassifier classifier, ElfCoreWriter writer, CancellationToken cancellation)
{
    /// <summary>Bytes that have a tag.</summary>
    private const int GranuleBytes = 16;

    /// <summary>Tags that are read at a time: those of a mebibyte.</summary>
    private const int PieceTags = 1024 * 1024 / GranuleBytes;

    /// <summary>Copies the tags of an area, after the memory of all areas.</summary>
    public void Copy(SavedArea area)
    {
        if (!area.Mapping.Traits.HasFlag(MapTraits.Tagged))
        {
            return;
        }

        foreach (DumpRange pages in classifier.Classify(area).Where(pages => pages.Kind == DumpRangeKind.Read))
        {
            for (ulong at = pages.Start; at < pages.End;)
            {
                cancellation.ThrowIfCancellationRequested();
                byte[] tags = stop.ReadTags(at, (int)Math.Min((ulong)PieceTags, (pages.End - at) / GranuleBytes));
                byte[] packed = Pack(tags);
                if (packed.Length == 0)
                {
                    break;
                }

                ulong length = (ulong)packed.Length * 2 * GranuleBytes;
                writer.WriteTags(at, length, packed);
                at += length;
            }
        }
    }

    /// <summary>Puts two tags into each byte.</summary>
    internal static byte[] Pack(ReadOnlySpan<byte> tags)
    {
        byte[] packed = new byte[tags.Length / 2];
        for (int index = 0; index < packed.Length; index++)
        {
            packed[index] = (byte)(tags[2 * index] & 0xf | tags[2 * index + 1] << 4);
        }

        return packed;
    }
}
