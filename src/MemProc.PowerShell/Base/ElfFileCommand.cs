using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>The base of cmdlets about ELF files in the file system.</summary>
public abstract class ElfFileCommand : MemProcCommand
{
    /// <summary>Does the work on an ELF file, or on the ELF files in an archive.</summary>
    /// <param name="path">The path of the file.</param>
    /// <param name="isNamed">The user has named this file: that it is not an ELF file is an error.</param>
    /// <param name="members">Patterns of names that select members of an archive; null: all.</param>
    /// <param name="work">The work on a file. It is closed afterwards.</param>
    /// <exception cref="MemProcException">ReadElf: the file cannot be read.</exception>
    private protected void ReadFile(string path, bool isNamed, string[]? members, Action<ElfFile> work)
    {
        Cancellation.ThrowIfCancellationRequested();
        ElfFileSource source;
        try
        {
            source = ElfFileSource.Open(path, Cancellation);
        }
        catch (MemProcException error) when (!isNamed && error.Errno is Errno.EISDIR or Errno.EINVAL)
        {
            WriteVerbose(error.Message);
            return;
        }

        using (source)
        {
            if (ElfArchive.TryRead(source) is ElfArchive archive)
            {
                ReadMembers(archive, members, work);
                return;
            }

            if (members is not null)
            {
                throw new MemProcException(Operation.ReadElf, Errno.ENOEXEC,
                    $"{SafeText.Escape(path)} is not an archive: -Member selects members of an archive.", path);
            }

            if (!isNamed && !ElfFile.IsElf(source))
            {
                WriteVerbose($"{SafeText.Escape(path)} is not an ELF file.");
                return;
            }

            using ElfFile file = ElfFile.Read(source);
            work(file);
        }
    }

    private void ReadMembers(ElfArchive archive, string[]? members, Action<ElfFile> work)
    {
        Func<string, bool>? isSelected = Wildcard.Symbols(members);
        foreach (ElfArchiveMember member in archive.Members())
        {
            Cancellation.ThrowIfCancellationRequested();
            if (isSelected?.Invoke(member.Name) == false)
            {
                continue;
            }

            // One damaged member does not stop the others.
            ReportErrors(() =>
            {
                using ElfSource source = member.Open();
                if (!ElfFile.IsElf(source))
                {
                    WriteVerbose($"{SafeText.Escape(source.Name)} is not an ELF file.");
                    return;
                }

                using ElfFile file = ElfFile.Read(source);
                work(file);
            });
        }
    }
}
