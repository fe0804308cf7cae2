using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using MemProc.Interop;

namespace MemProc.Cli;

/// <summary>
/// Writes Core's objects as JSON, one per line. Names are Core's in camel case; enumeration values are the names that the
/// options accept.
/// </summary>
internal static class JsonLine
{
    /// <summary>
    /// Properties that are written in hex: addresses and raw entries, which are too large for the numbers of many JSON
    /// readers.
    /// </summary>
    private static readonly HashSet<string> InHex =
    [
        "start", "end", "address", "contextAddress", "physicalAddress", "raw", "rawFlags", "flagSet", "entry",
        "entryAddress", "tableAddress", "kernelAddress", "mmAddress", "fileAddress", "entryPoint", "virtualAddress",
        "mapStart", "mapEnd", "faultAddress", "stackPointer", "stackStart", "stackEnd", "number", "instructionPointer",
        "dataAddress", "baseAddress", "moduleStart", "imageAddress",
        "structPageAddress", "frameMask", "frameAddress",
        "frameKernelAddress", "pageProtection", "kernelFlagSet", "anonVmaAddress", "mappingAddress", "vmemmap",
        "recordAddress", "encryptionMask", "taskSize", "textAddress", "textPhysicalAddress", "kaslrOffset", "target",
    ];

    private static readonly ArrayBufferWriter<byte> Buffer = new();

    private static readonly Utf8JsonWriter Writer =
        new(Buffer, new JsonWriterOptions { Encoder = new VisibleAsciiEncoder(), SkipValidation = true });

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters =
        {
            new HexBytesConverter(),
            new MemoryBytesConverter(),
            new PathTextConverter(),
            new HexNumbersConverter(),
            new EnumNameConverter<ProcMapKind>(),
            new EnumNameConverter<ProcessMemoryAdvice>(),
            new EnumNameConverter<FolioKind>(),
            new EnumNameConverter<FolioMapping>(),
            new EnumNameConverter<ReadMethod>(),
            new EnumNameConverter<MemoryGapKind>(),
            new EnumNameConverter<WriteMethod>(),
            new EnumNameConverter<MemoryDumpFormat>(),
            new EnumNameConverter<WorkingSetMethod>(),
            new EnumNameConverter<MemoryValueType>(),
            new EnumNameConverter<SymbolOrigin>(),
            new EnumNameConverter<ProcMapRole>(),
            new EnumNameConverter<ElfType>(),
            new EnumNameConverter<ElfMachine>(),
            new EnumNameConverter<ElfSegmentType>(),
            new EnumNameConverter<ElfSectionType>(),
            new EnumNameConverter<ElfSymbolType>(),
            new EnumNameConverter<ElfSymbolBinding>(),
            new EnumNameConverter<ElfSymbolVisibility>(),
            new EnumNameConverter<ElfSymbolSource>(),
            new EnumNameConverter<InstructionFlow>(),
            new EnumNameConverter<ProcThreadState>(),
            new EnumNameConverter<InstructionAccess>(),
            new EnumNameConverter<MemoryStringEncoding>(),
            new JsonStringEnumConverter<Errno>(),
            new JsonStringEnumConverter<PageTableLevel>(),
            new EnumNameConverter<PageFrameKind>(),
            new EnumNameConverter<KernelReadSource>(),
            new EnumNameConverter<ProcMapChangeKind>(),
            new EnumNameConverter<ImageDifferenceKind>(),
            new EnumNameConverter<ImageExplanation>(),
            new JsonStringEnumConverter<PageChangeKind>(),
            new EnumNameConverter<MemoryAbility>(),
            new EnumNameConverter<AccessCause>(),
            new EnumNameConverter<MapPictureGrouping>(),
        },
        TypeInfoResolver = JsonTypes.Default.WithAddedModifier(Adapt),
    };

    /// <summary>Writes an object as one line.</summary>
    public static void Write<T>(Stream stream, T item)
    {
        // One buffer is reused for all lines: a block of memory makes a long one.
        Buffer.ResetWrittenCount();
        Writer.Reset();
        JsonSerializer.Serialize(Writer, item, (JsonTypeInfo<T>)Options.GetTypeInfo(typeof(T)));
        Writer.Flush();
        stream.Write(Buffer.WrittenSpan);
        stream.WriteByte((byte)'\n');
    }

    private static void Adapt(JsonTypeInfo type)
    {
        // The numbers themselves are written in hex.
        for (int index = type.Properties.Count - 1; index >= 0; index--)
        {
            if (type.Properties[index] is { Name: var name } text && name.EndsWith("Hex", StringComparison.Ordinal)
                && text.PropertyType == typeof(string))
            {
                type.Properties.RemoveAt(index);
            }
        }

        foreach (JsonPropertyInfo property in type.Properties)
        {
            // The properties that identify a mapping come before its counters.
            property.Order = property.DeclaringType == type.Type ? 1 : 0;
            if (InHex.Contains(property.Name) || (type.Type == typeof(ElfSymbol) && property.Name == "value")
                || (type.Type == typeof(KernelLayout) && property.Name == "pageOffset"))
            {
                property.CustomConverter = property.PropertyType == typeof(ulong)
                    ? new HexNumberConverter()
                    : new NullableHexNumberConverter();
            }

            if (type.Type == typeof(ProcThread) && property.Name == "registers")
            {
                property.CustomConverter = new RegistersConverter();
            }
        }
    }
}

/// <summary>The types that are written as JSON lines.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(ProcessCore))]
[JsonSerializable(typeof(ProcThread))]
[JsonSerializable(typeof(TelescopeWord))]
[JsonSerializable(typeof(PointerChain))]
[JsonSerializable(typeof(ProcMemoryAccess))]
[JsonSerializable(typeof(ProcMap))]
[JsonSerializable(typeof(ProcMemAccess))]
[JsonSerializable(typeof(MapPicture))]
[JsonSerializable(typeof(FramePicture))]
[JsonSerializable(typeof(ProcMapDetail))]
[JsonSerializable(typeof(ProcMapNuma))]
[JsonSerializable(typeof(PageMapEntry))]
[JsonSerializable(typeof(PageFlags))]
[JsonSerializable(typeof(PageFlagsSummary))]
[JsonSerializable(typeof(PageFlagSet))]
[JsonSerializable(typeof(PageFolioSummary))]
[JsonSerializable(typeof(PfnOwner))]
[JsonSerializable(typeof(PageSharing))]
[JsonSerializable(typeof(PageSharingSummary))]
[JsonSerializable(typeof(PhysicalRange))]
[JsonSerializable(typeof(ProcMemoryStatus))]
[JsonSerializable(typeof(ProcMemoryStatusDetail))]
[JsonSerializable(typeof(ProcMemoryStatusPages))]
[JsonSerializable(typeof(ProcMemoryHeadroom))]
[JsonSerializable(typeof(FilePage))]
[JsonSerializable(typeof(FilePageSummary))]
[JsonSerializable(typeof(MemoryBlock))]
[JsonSerializable(typeof(MemoryFile))]
[JsonSerializable(typeof(MemoryDump))]
[JsonSerializable(typeof(MemoryMatch))]
[JsonSerializable(typeof(MemoryMatchInContext))]
[JsonSerializable(typeof(MemoryString))]
[JsonSerializable(typeof(SharedMemoryMatch))]
[JsonSerializable(typeof(MemoryWrite))]
[JsonSerializable(typeof(PlannedWrite))]
[JsonSerializable(typeof(PageIdleMark))]
[JsonSerializable(typeof(WorkingSet))]
[JsonSerializable(typeof(WorkingSetSummary))]
[JsonSerializable(typeof(SoftDirtyClear))]
[JsonSerializable(typeof(PlannedMemoryAdvice))]
[JsonSerializable(typeof(MemoryAdviceResult))]
[JsonSerializable(typeof(PlannedFilePageClear))]
[JsonSerializable(typeof(FilePageClear))]
[JsonSerializable(typeof(PageTableEntry))]
[JsonSerializable(typeof(PageTableWalk))]
[JsonSerializable(typeof(KernelVma))]
[JsonSerializable(typeof(KernelLayout))]
[JsonSerializable(typeof(PageFrame))]
[JsonSerializable(typeof(PageFrameGroup))]
[JsonSerializable(typeof(PhysicalMemoryBlock))]
[JsonSerializable(typeof(PhysicalMemoryFile))]
[JsonSerializable(typeof(PhysicalText))]
[JsonSerializable(typeof(PhysicalValue))]
[JsonSerializable(typeof(ResolvedAddress))]
[JsonSerializable(typeof(ElfHeader))]
[JsonSerializable(typeof(ElfSegment))]
[JsonSerializable(typeof(ElfSection))]
[JsonSerializable(typeof(ElfSymbol))]
[JsonSerializable(typeof(ProcInstruction))]
[JsonSerializable(typeof(ElfInstruction))]
[JsonSerializable(typeof(ReadText))]
[JsonSerializable(typeof(ReadValue))]
[JsonSerializable(typeof(ReadRecord))]
[JsonSerializable(typeof(WatchedChange))]
[JsonSerializable(typeof(MemoryComparison))]
[JsonSerializable(typeof(ComparedValue))]
[JsonSerializable(typeof(ProcMapChange))]
[JsonSerializable(typeof(PageChange))]
[JsonSerializable(typeof(ImageDifference))]
[JsonSerializable(typeof(object[]))]
[JsonSerializable(typeof(byte[]))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(bool))]
[JsonSerializable(typeof(char))]
[JsonSerializable(typeof(Half))]
[JsonSerializable(typeof(Int128))]
[JsonSerializable(typeof(UInt128))]
[JsonSerializable(typeof(sbyte))]
[JsonSerializable(typeof(byte))]
[JsonSerializable(typeof(short))]
[JsonSerializable(typeof(ushort))]
[JsonSerializable(typeof(int))]
[JsonSerializable(typeof(uint))]
[JsonSerializable(typeof(long))]
[JsonSerializable(typeof(ulong))]
[JsonSerializable(typeof(float))]
[JsonSerializable(typeof(double))]
internal sealed partial class JsonTypes : JsonSerializerContext;
