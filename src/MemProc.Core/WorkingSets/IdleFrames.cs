namespace MemProc;

/// <summary>What it takes to mark frames as idle: the bitmap, and the folios whose first frames it knows.</summary>
internal sealed class IdleFrames : IDisposable
{
    /// <summary>Opens it all.</summary>
    /// <param name="operation">What it is for.</param>
    /// <param name="files">Where procfs and sysfs are.</param>
    /// <exception cref="MemProcException">
    /// As for <see cref="IdleBitmap.Open"/>; ReadPageFlags: no frame tables.
    /// </exception>
    public IdleFrames(Operation operation, KernelFiles? files)
    {
        Bitmap = IdleBitmap.Open(operation, files);
        try
        {
            Tables = new FrameTables(FrameFields.Flags, files);
        }
        catch
        {
            Bitmap.Dispose();
            throw;
        }

        Folios = new FrameFolios(Tables);
    }

    /// <summary>Which frames are idle.</summary>
    public IdleBitmap Bitmap { get; }

    /// <summary>The frames' flags.</summary>
    public FrameTables Tables { get; }

    /// <summary>The folios that frames are part of.</summary>
    public FrameFolios Folios { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Bitmap.Dispose();
        Tables.Dispose();
    }
}
