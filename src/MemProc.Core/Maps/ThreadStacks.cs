namespace MemProc;

/// <summary>
/// The threads of a process by the mappings that hold their stacks. Stack pointers are read once, when a mapping first
/// asks for them.
/// </summary>
/// <param name="process">The process.</param>
internal sealed class ThreadStacks(MemoryTarget process)
{
    private const string MainStack = "[stack]";

    private readonly Lazy<(ulong[] Pointers, int[] Threads)> _stacks = new(() => Read(process));

    /// <summary>
    /// The thread whose stack a mapping holds. <c>[stack]</c> is the main thread's whether or not that runs, since the
    /// kernel names it so; of other mappings the stack pointers decide.
    /// </summary>
    /// <returns>Null where no thread is known to have its stack there, and where several have.</returns>
    public int? ThreadOf(ProcMap map)
    {
        if (!map.IsWritable || map.CanContainElf)
        {
            return null;
        }

        int? found = map.Path == MainStack ? process.Id : null;
        (ulong[] pointers, int[] threads) = _stacks.Value;
        int index = Array.BinarySearch(pointers, map.Start);
        for (index = index >= 0 ? index : ~index; index < pointers.Length && pointers[index] < map.End; index++)
        {
            if (found is not null && found != threads[index])
            {
                return null;
            }

            found = threads[index];
        }

        return found;
    }

    /// <summary>The known stack pointers in ascending order.</summary>
    private static (ulong[] Pointers, int[] Threads) Read(MemoryTarget process)
    {
        (ulong Pointer, int Thread)[] found = [.. process.StackPointers().Order()];
        return (Array.ConvertAll(found, stack => stack.Pointer), Array.ConvertAll(found, stack => stack.Thread));
    }
}
