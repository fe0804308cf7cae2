using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// Writes memory of a process in two steps: <see cref="Prepare"/> checks the range and reads what is there, so that
/// a person can judge; <see cref="Write"/> does it.
/// </summary>
/// <param name="process">The process.</param>
/// <param name="cancellation">Stops the checks; a write that has begun is finished.</param>
public sealed class MemoryWriter(LinuxProcess process, CancellationToken cancellation = default)
{
    private const string Operation = "WriteMemory";

    /// <summary>A write that has been checked and not yet been done.</summary>
    /// <param name="Address">Address of the first byte.</param>
    /// <param name="Bytes">What is to be written.</param>
    /// <param name="PreviousBytes">What is there.</param>
    /// <param name="Method">How it will be written.</param>
    /// <param name="Maps">The mappings that will be written to.</param>
    /// <param name="Expected">What must still be there when it is done; null: anything.</param>
    public sealed record Plan(
        ulong Address, byte[] Bytes, byte[] PreviousBytes, WriteMethod Method, IReadOnlyList<ProcMap> Maps,
        byte[]? Expected)
    {
        /// <summary>Where it writes, in words that a person can judge.</summary>
        public string Place =>
            $"{ByteText.Count(Bytes.Length)} at 0x{Address:x} of process {Maps[0].Process}"
            + (Method == WriteMethod.Mem ? ", by force through /proc/PID/mem" : string.Empty)
            + $", mapping {string.Join(" and ", Maps)}";

        /// <summary>What becomes of which bytes.</summary>
        public string Change => $"{ByteText.Short(PreviousBytes)} becomes {ByteText.Short(Bytes)}";
    }

    /// <summary>Checks that the whole range can be written, and reads what is there.</summary>
    /// <param name="address">Address of the first byte.</param>
    /// <param name="bytes">What is to be written, at least one byte.</param>
    /// <param name="expected">What must be there now; null: anything.</param>
    /// <param name="force">Write what the process itself may not write, through /proc/PID/mem.</param>
    /// <exception cref="MemProcException">
    /// WriteMemory: EINVAL for an impossible range; EFAULT where part of it is not mapped; EACCES where part of it
    /// is read-only and <paramref name="force"/> was not given, or does not help because the mapping is shared.
    /// CompareMemory, EAGAIN: other bytes are there.
    /// </exception>
    public Plan Prepare(ulong address, byte[] bytes, byte[]? expected, bool force)
    {
        ulong end = UserRange.End(address, (ulong)bytes.Length, Operation);
        ProcMap[] maps = [.. MapReader.Between(process, address, end)];
        ulong covered = address;
        foreach (ProcMap map in maps)
        {
            if (map.Start > covered)
            {
                break;
            }

            covered = map.End;
        }

        if (covered < end)
        {
            throw process.Failure(Operation, Errno.EFAULT,
                $"nothing was written to 0x{address:x}: nothing is mapped at 0x{covered:x}", address);
        }

        ProcMap? closed = maps.FirstOrDefault(map => !map.IsWritable);
        if (closed is not null && (!force || closed.IsShared))
        {
            string remedy = closed.IsShared
                ? "It is shared with a file or with other processes, and the kernel lets nobody force that."
                : "A forced write, through /proc/PID/mem, would change the process' own copy.";
            throw new MemProcException(Operation, Errno.EACCES,
                $"Process {process.Identity}: nothing was written to 0x{address:x}: the mapping {closed} is not "
                + $"writable. {remedy}", address);
        }

        WriteMethod method = closed is null ? WriteMethod.ProcessVm : WriteMethod.Mem;
        byte[] present = ReadExpected(address, bytes.Length, expected, method);
        return new Plan(address, bytes, present[..bytes.Length], method, maps, expected);
    }

    /// <summary>Carries out a write.</summary>
    /// <param name="plan">What <see cref="Prepare"/> returned.</param>
    /// <param name="verify">Read the bytes back and compare.</param>
    /// <exception cref="MemProcException">
    /// CompareMemory, EAGAIN: the expected bytes have gone since. WriteMemory: the write failed; the message says how
    /// many bytes were written. VerifyMemory, EIO: other bytes were read back.
    /// </exception>
    public MemoryWrite Write(Plan plan, bool verify)
    {
        // A person may have thought it over for minutes.
        byte[] previous = ReadExpected(plan.Address, plan.Bytes.Length, plan.Expected, plan.Method);
        int written = 0;
        if (plan.Method == WriteMethod.Mem)
        {
            using SafeFileHandle memory = process.OpenFile("mem", Operation, OpenAccess.ReadWrite);
            WriteAll(plan, ref written, (address, bytes) =>
                (Libc.TryPWrite(memory, bytes.Span, address, out int count), count));
        }
        else
        {
            process.ThrowIfExited(Operation);
            WriteAll(plan, ref written, (address, bytes) =>
                (Libc.TryProcessVmWrite(process.Id, address, bytes.Span, out int count), count));
        }

        bool? isVerified = null;
        if (verify)
        {
            byte[] present = ReadExpected(plan.Address, plan.Bytes.Length, null, plan.Method);
            isVerified = present.AsSpan().SequenceEqual(plan.Bytes);
            if (isVerified == false)
            {
                throw new MemProcException("VerifyMemory", Errno.EIO,
                    $"Process {process.Identity}: {ByteText.Count(plan.Bytes.Length)} went to 0x{plan.Address:x}, but "
                    + $"{ByteText.Short(present)} was read back. The process may have changed it since.",
                    plan.Address);
            }
        }

        return new MemoryWrite(process.Identity, plan.Address, previous[..plan.Bytes.Length], plan.Bytes, plan.Method,
            plan.Maps[0].Path, isVerified);
    }

    private void WriteAll(Plan plan, ref int written, Func<ulong, ReadOnlyMemory<byte>, (Errno, int)> write)
    {
        while (written < plan.Bytes.Length)
        {
            ulong at = plan.Address + (ulong)written;
            (Errno errno, int count) = write(at, plan.Bytes.AsMemory(written));
            written += count;
            if (count > 0)
            {
                continue;
            }

            string done = written == 0
                ? "nothing was written"
                : $"{written} of {plan.Bytes.Length} bytes were written";
            throw process.Failure(Operation, errno == Errno.None ? Errno.EFAULT : errno,
                $"{done} to 0x{plan.Address:x}, the byte at 0x{at:x} was refused", plan.Address);
        }
    }

    private byte[] ReadExpected(ulong address, int length, byte[]? expected, WriteMethod method)
    {
        byte[] present = new byte[Math.Max(length, expected?.Length ?? 0)];
        MemoryReader reader = new(
            process, method == WriteMethod.Mem ? ReadMethod.Mem : ReadMethod.Auto, cancellation);
        if (reader.Read(address, present) is [{ } gap, ..])
        {
            throw process.Failure(Operation, gap.Errno,
                $"nothing was written to 0x{address:x}: what is there now cannot be read at 0x{gap.Address:x}", address);
        }

        return expected is null || present.AsSpan().StartsWith(expected)
            ? present
            : throw new MemProcException("CompareMemory", Errno.EAGAIN,
                $"Process {process.Identity}: nothing was written to 0x{address:x}: expected "
                + $"{ByteText.Short(expected)}, found {ByteText.Short(present.AsSpan(0, expected.Length))}.", address);
    }
}
