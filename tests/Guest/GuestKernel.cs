namespace MemProc.Tests;

/// <summary>A kernel that can be booted, as get-kernels unpacks it.</summary>
/// <param name="Image">Path of the kernel.</param>
/// <param name="Modules">The folder of its modules; null where it needs none.</param>
internal sealed record GuestKernel(string Image, string? Modules)
{
    /// <summary>Modules that the guest loads, in an order in which most find what they depend on.</summary>
    private static readonly string[] ModuleNames =
    [
        "virtio", "virtio_ring", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk", "netfs",
        "fscache", "9pnet", "9pnet_virtio", "9p", "crc16", "mbcache", "jbd2", "crc32c_generic", "libcrc32c", "ext4",
        "hwpoison-inject", "overlay",
    ];

    /// <summary>Where kernels are: the variable MEMPROC_GUESTS, or the folder that get-kernels uses.</summary>
    public static string Cache { get; } =
        Environment.GetEnvironmentVariable("MEMPROC_GUESTS") is { Length: > 0 } folder ? folder : "/var/tmp/memproc-guests";

    /// <summary>Path of page-types of the kernel's source, as build-kernel builds it; empty where it is not there.</summary>
    public static string PageTypes { get; } =
        File.Exists(Path.Combine(Cache, "page-types")) ? Path.Combine(Cache, "page-types") : string.Empty;

    /// <summary>Returns the kernel whose release begins with some characters; null where it is not in the cache.</summary>
    /// <param name="release">The first characters.</param>
    /// <param name="machine">The machine, by Debian's name: a word of the release.</param>
    public static GuestKernel? Find(string release, string machine)
    {
        string folder = Path.Combine(Cache, "kernels");
        string? found = !Directory.Exists(folder) ? null
            : Directory.GetDirectories(folder).Where(path => Path.GetFileName(path).StartsWith(release, StringComparison.Ordinal)
                    && Path.GetFileName(path).Split('-').Contains(machine))
                .Order(StringComparer.Ordinal).LastOrDefault();
        string? image = found is null ? null : Directory.GetFiles(Path.Combine(found, "boot"), "vmlinuz*").FirstOrDefault();
        string modules = Path.Combine(found ?? folder, "lib", "modules");
        return image is null ? null : new GuestKernel(image, Directory.Exists(modules) ? modules : null);
    }

    /// <summary>Writes the file system that the kernel starts from: busybox, modules, and the first program.</summary>
    /// <param name="folder">A folder for its files.</param>
    /// <returns>Path of the archive.</returns>
    public string WriteInitialFiles(string folder)
    {
        string root = Path.Combine(folder, "initial");
        Directory.CreateDirectory(Path.Combine(root, "bin"));
        Directory.CreateDirectory(Path.Combine(root, "modules"));
        File.Copy(Guest.Tool("busybox"), Path.Combine(root, "bin", "busybox"));
        File.Copy(Path.Combine(GuestPrograms.Scripts, "init"), Path.Combine(root, "init"));
        int number = 0;
        foreach (string name in ModuleNames)
        {
            string? module = Modules is null ? null : Directory.EnumerateFiles(Modules, $"{name}.ko*", SearchOption.AllDirectories)
                .FirstOrDefault(file => Path.GetExtension(file) is ".ko" or ".xz");
            string target = Path.Combine(root, "modules", $"{number++:d2}-{name}.ko");
            if (module is not null)
            {
                Guest.Shell(module.EndsWith(".xz", StringComparison.Ordinal) ? $"xz -dc '{module}' > '{target}'" : $"cp '{module}' '{target}'");
            }
        }

        string archive = Path.Combine(folder, "initial.gz");
        Guest.Shell($"cd '{root}' && find . | cpio -o -H newc --quiet | gzip -1 > '{archive}'");
        return archive;
    }
}
