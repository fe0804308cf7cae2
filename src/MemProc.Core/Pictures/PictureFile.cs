using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>Writes pictures to files for reports.</summary>
public static class PictureFile
{
    private static readonly string[] Extensions = [".svg", ".html", ".htm"];

    /// <summary>Cells of a row of an address space in a file.</summary>
    public static int MapColumns => PictureSvg.Columns;

    /// <summary>Cells of a row of physical memory in a file.</summary>
    public static int FrameSide => 64;

    /// <summary>Checks the name of a file before anything is painted.</summary>
    /// <exception cref="MemProcException">WriteFile, EINVAL: it ends with neither <c>.svg</c> nor <c>.html</c>.</exception>
    public static void CheckName(string path)
    {
        if (!Extensions.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase))
        {
            throw new MemProcException(Operation.WriteFile, Errno.EINVAL,
                $"'{SafeText.Escape(path)}' is not a name for a picture: it has to end with .svg or .html.", path);
        }
    }

    /// <summary>Writes an address space.</summary>
    /// <param name="picture">The picture, of <see cref="MapColumns"/> columns.</param>
    /// <param name="path">The file.</param>
    /// <param name="overwrite">Replace an existing file.</param>
    /// <exception cref="MemProcException">WriteFile: see <see cref="CheckName"/>; the file exists, or cannot be written.</exception>
    public static void Save(MapPicture picture, string path, bool overwrite) =>
        Save($"{picture.Title}, process {picture.Process}", PictureSvg.Of(picture), path, overwrite);

    /// <summary>Writes frames of the machine.</summary>
    /// <inheritdoc cref="Save(MapPicture, string, bool)"/>
    public static void Save(FramePicture picture, string path, bool overwrite) =>
        Save(picture.Title, PictureSvg.Of(picture), path, overwrite);

    private static void Save(string title, string svg, string path, bool overwrite)
    {
        CheckName(path);
        string text = Path.GetExtension(path).Equals(".svg", StringComparison.OrdinalIgnoreCase) ? svg : $$$"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width">
            <meta name="color-scheme" content="light dark">
            <title>{{{PictureSvg.Xml(title)}}}</title>
            <style>body{margin:0;background:#fff}@media (prefers-color-scheme:dark){body{background:#0d1117}}svg{display:block;margin:auto;max-width:100%;height:auto}rect:hover{stroke:#888;stroke-width:1}</style>
            </head>
            <body>
            {{{svg}}}</body>
            </html>

            """;
        using AtomicFile file = new(path, overwrite);
        AtomicFile.WithErrors(path, () =>
        {
            RandomAccess.Write(file.Handle, Encoding.UTF8.GetBytes(text), 0);
            return true;
        });
        file.Complete();
    }
}
