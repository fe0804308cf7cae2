namespace MemProc;

/// <summary>The files that marking frames as idle needs: the bitmap, and the tables to find folios.</summary>
internal sealed class IdleTracker : IDisposable
{
    /// <summary>Opens the files.</summary>
    /// <param name="operation">The operation that needs them, for the error.</param>
    /// <param name="files">Where procfs and sysfs are.</param>
    /// <exception cref="MemProcException">
    /// As <see cref="IdleBitmap.Open"/>; ReadPageFlags: the frame tables cannot be opened.
    /// </exception>
    public IdleTracker(Operation operation, KernelFiles? files)
    {
        Bitmap = IdleBitmap.Open(operation, files);
        try
        {
            Tables = new FrameTables(FrameAttributes.Flags, files);
        }
        catch
        {
            Bitmap.Dispose();
            throw;
        }

        Folios = new FrameFolios(Tables);
    }

    /// <summary>The bitmap of idle frames.</summary>
    public IdleBitmap Bitmap { get; }

    /// <summary>The frame tables.</summary>
    public FrameTables Tables { get; }

    /// <summary>Finds the folios that frames are part of.</summary>
    public FrameFolios Folios { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Bitmap.Dispose();
        Tables.Dispose();
    }
}
