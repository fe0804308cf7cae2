using System.Buffers.Binary;
using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>How the core of a process is laid out: for 64 bits, or for 32.</summary>
/// <param name="Is64Bit">The process runs a 64-bit program.</param>
/// <param name="Machine">The processor that the program is for.</param>
internal sealed record CoreLayout(bool Is64Bit, ElfMachine Machine)
{
    /// <summary>Bytes of an address.</summary>
    public int WordBytes => Is64Bit ? 8 : 4;

    /// <summary>Bytes of the ELF header.</summary>
    public int HeaderBytes => Is64Bit ? 64 : 52;

    /// <summary>Bytes of a program header.</summary>
    public int EntryBytes => Is64Bit ? 56 : 32;

    /// <summary>Bytes of a section header.</summary>
    public int SectionBytes => Is64Bit ? 64 : 40;

    /// <summary>Returns the layout for the program that a process runs.</summary>
    public static CoreLayout Of(LinuxProcess process)
    {
        bool isArm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;
        DataModel model = DataModel.Of(process);
        return model == DataModel.Lp64 ? new CoreLayout(true, isArm ? ElfMachine.Arm64 : ElfMachine.X64)
            // x32 programs have addresses of 32 bits, and the registers of 64.
            : new CoreLayout(false, isArm ? ElfMachine.Arm : model == DataModel.I386 ? ElfMachine.X86 : ElfMachine.X64);
    }

    /// <summary>Writes an address, offset or size.</summary>
    /// <exception cref="MemProcException">WriteFile, EFBIG: it does not fit a 32-bit core.</exception>
    public void WriteWord(Span<byte> bytes, ulong value)
    {
        if (Is64Bit)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
            return;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value <= uint.MaxValue ? (uint)value
            : throw new MemProcException(Operation.WriteFile, Errno.EFBIG,
                "The core of a 32-bit process cannot be larger than 4 GiB. Save some of its mappings, or raw files.", null));
    }
}
