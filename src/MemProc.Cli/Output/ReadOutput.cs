using MemProc.Interop;

namespace MemProc.Cli;

/// <summary>Writes what <c>memproc read</c> has read.</summary>
internal static class ReadOutput
{
    /// <summary>Writes blocks, as hex dumps or JSON.</summary>
    /// <param name="output">Receives them.</param>
    /// <param name="blocks">The blocks.</param>
    /// <param name="allLines">Write equal lines of a dump, too.</param>
    /// <param name="cancellation">Canceled by Ctrl-C.</param>
    public static void WriteBlocks(
        Output output, IEnumerable<MemoryBlock> blocks, bool allLines, CancellationToken cancellation)
    {
        bool isFirst = true;
        foreach (MemoryBlock block in blocks)
        {
            if (output.IsJson)
            {
                output.WriteJson(block);
                continue;
            }

            if (isFirst && block.Pointers.Length > 0)
            {
                output.WriteLine($"pointers: {string.Join(" -> ", block.Pointers.Select(ConsoleFormat.Hex))}");
            }

            isFirst = false;
            IEnumerable<string> lines = HexDump.Lines(block.Address, block.Bytes, block.Length, block.Gaps);
            foreach (string line in allLines ? lines : HexDump.Fold(lines))
            {
                cancellation.ThrowIfCancellationRequested();
                output.WriteLine(line);
            }
        }
    }

    /// <summary>Writes raw bytes. They cannot represent a gap, so they end at the first one with an error.</summary>
    public static void WriteRaw(
        Output output, MemoryReader reader, IEnumerable<MemoryBlock> blocks, ulong address, ulong length)
    {
        foreach (MemoryBlock block in blocks)
        {
            MemoryGap? gap = block.Gaps is [{ } first, ..] ? first : null;
            output.WriteBytes(gap is null ? block.Bytes : block.Bytes.AsSpan(0, (int)(gap.Address - block.Address)));
            if (gap is not null)
            {
                throw reader.Unreadable(address, length, gap);
            }
        }
    }

    /// <summary>Writes values, one per line.</summary>
    public static void WriteValues(
        Output output, int processId, ulong address, MemoryType type, IEnumerable<object?> values)
    {
        Column<ReadValue>[] columns =
        [
            new("Address", -18, value => ConsoleFormat.Hex(value.Address)),
            new("Value", 0, value => ValueText.Format(value.Value, type)),
        ];
        output.WriteTable(columns, values.Select((value, index) => new ReadValue(processId,
            address + (ulong)index * (ulong)type.SizeBytes, type.ToString(), JsonValue.Of(value, type))));
    }

    /// <summary>Writes structs: the address of each, and a line for each field.</summary>
    public static void WriteRecords(Output output, IEnumerable<MemoryRecord> records)
    {
        foreach (MemoryRecord record in records)
        {
            if (output.IsJson)
            {
                output.WriteJson(ReadRecord.Of(record));
                continue;
            }

            output.WriteLine(ConsoleFormat.Hex(record.Address));
            int width = record.GetFields().Max(pair => pair.Field.Name.Length);
            foreach ((MemoryField field, object? value) in record.GetFields())
            {
                output.WriteLine(
                    $"  {SafeText.Escape(field.Name).PadRight(width)} : {ValueText.Format(value, field.Type)}".TrimEnd());
            }
        }
    }

    /// <summary>Reads into a file. The returned action gives the file its name and reports the result.</summary>
    public static Action Save(MemoryTarget process, MemoryReader reader, ulong address, ulong length, string path,
        bool overwrite, Output output)
    {
        try
        {
            MemoryFileDraft draft =
                MemoryFile.Copy(process, reader, address, length, path, overwrite, needAll: false, _ => { });
            return () =>
            {
                using (draft)
                {
                    WriteSummary(output, process, draft.Complete());
                }
            };
        }
        catch (MemProcException error) when (error.Errno == Errno.EEXIST && !overwrite)
        {
            return () => output.Fail($"{error.Message} Use --force to replace it.");
        }
    }

    private static void WriteSummary(Output output, MemoryTarget process, MemoryFile file)
    {
        if (output.IsJson)
        {
            output.WriteJson(file);
            return;
        }

        output.WriteLine($"Saved {HumanSize.Format(file.Length)} at 0x{file.Address:x} of process {process.Identity} to "
            + $"{SafeText.Escape(file.Path)}.");
        foreach (MemoryGap gap in file.Gaps)
        {
            output.WriteLine(gap.ToString());
        }
    }
}
