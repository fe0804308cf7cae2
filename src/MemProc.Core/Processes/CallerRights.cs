using System.Buffers.Text;
using System.Globalization;
using System.Text;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// What this process may do: its user, its capabilities, and what restricts them. Messages about a refusal compare it with
/// what is required.
/// </summary>
public sealed record CallerRights
{
    /// <summary>The inode of the initial user namespace (<c>PROC_USER_INIT_INO</c>).</summary>
    private const string InitialUserNamespace = "user:[4026531837]";

    /// <summary>The effective user id.</summary>
    public uint UserId { get; init; }

    /// <summary>The effective group id.</summary>
    public uint GroupId { get; init; }

    /// <summary>The effective capabilities, a bit for each number.</summary>
    public ulong Capabilities { get; init; }

    /// <summary>
    /// Whether its user namespace is the initial one. Elsewhere capabilities do not count for the machine.
    /// </summary>
    public bool IsInInitialUserNamespace { get; init; } = true;

    /// <summary>The content of <c>/proc/self/uid_map</c>, to compare user namespaces.</summary>
    public string UserMap { get; init; } = string.Empty;

    /// <summary><c>kernel.yama.ptrace_scope</c>, 0 to 3; null where the kernel does not have it.</summary>
    public int? YamaScope { get; init; }

    /// <summary>A seccomp filter restricts its system calls.</summary>
    public bool HasSeccompFilter { get; init; }

    /// <summary>The security modules that can restrict it.</summary>
    public SecurityModules Modules { get; init; } = new();

    /// <summary>The lockdown mode of the kernel: none, integrity, confidentiality; null where it is not known.</summary>
    public string? Lockdown { get; init; }

    /// <summary>The hidepid option of its procfs: noaccess, invisible, ptraceable; null where all processes are shown.</summary>
    public string? HidePid { get; init; }

    /// <summary>The gid option of its procfs, whose members see all processes; null where there is none.</summary>
    public uint? HidePidGroup { get; init; }

    /// <summary>Its procfs shows processes only (option subset=pid).</summary>
    public bool ShowsOnlyProcesses { get; init; }

    /// <summary>Reads the rights. What cannot be read is taken for absent.</summary>
    /// <param name="files">Where the kernel's file systems are.</param>
    public static CallerRights Read(KernelFiles? files = null)
    {
        files ??= KernelFiles.Default;
        Dictionary<string, string> status = Fields(ReadAll($"{files.Proc}/self/status"));
        MountOptions procfs = MountOptions.Of(files);
        return new CallerRights
        {
            UserId = Ids(status, "Uid") is [_, uint user, ..] ? user : 0,
            GroupId = Ids(status, "Gid") is [_, uint group, ..] ? group : 0,
            Capabilities = Mask(status, "CapEff"),
            IsInInitialUserNamespace =
                new FileInfo($"{files.Proc}/self/ns/user").LinkTarget is null or InitialUserNamespace,
            UserMap = ReadAll($"{files.Proc}/self/uid_map"),
            YamaScope = int.TryParse(ReadAll($"{files.Proc}/sys/kernel/yama/ptrace_scope"), CultureInfo.InvariantCulture,
                out int scope) ? scope : null,
            HasSeccompFilter = status.GetValueOrDefault("Seccomp") == "2",
            Modules = SecurityModules.Read(files, status.GetValueOrDefault("NoNewPrivs") == "1"),
            Lockdown = Selected(ReadAll($"{files.Sys}/kernel/security/lockdown")),
            HidePid = procfs.HidePid,
            HidePidGroup = procfs.Group,
            ShowsOnlyProcesses = procfs.IsSubset,
        };
    }

    /// <summary>Whether a capability is effective.</summary>
    public bool Has(Capability capability) => (Capabilities >> (int)capability & 1) != 0;

    /// <summary>
    /// Returns a sentence that names what is required and what of it is missing, and one that says what helps.
    /// </summary>
    /// <param name="required">The capabilities, all of them.</param>
    /// <param name="counts">
    /// Whether capabilities of this process count for the target; for what belongs to the machine, only those of the
    /// initial user namespace do.
    /// </param>
    /// <param name="scope">The user namespace in which they have to hold, for the message.</param>
    public string Explain(
        IReadOnlyList<Capability> required, bool? counts = null, string scope = "the initial user namespace")
    {
        string names = List(required);
        Capability[] missing = [.. required.Where(capability => !Has(capability))];
        if (missing.Length == 0)
        {
            return (counts ?? IsInInitialUserNamespace)
                ? $"You have {names}, which {(required.Count == 1 ? "is" : "are")} required. {WhoElse()}"
                : $"Requires {names} in {scope}; you have {It(required)} only in your own. Run outside of the container.";
        }

        string lack = missing.Length < required.Count || missing.Length == 1
            ? $"you do not have {(missing.Length == required.Count ? "it" : List(missing))}"
            : missing.Length == 2 ? "you have neither" : "you have none of them";
        string remedy = UserId == 0
            ? $"Root in a container often lacks {It(missing)}: grant {It(missing)} there, or run outside of it."
            : $"Run as root, or grant {(missing.Length == 2 ? "both" : It(missing))}.";
        return $"Requires {names}; {lack}. {remedy}";
    }

    /// <summary>Returns a sentence that names who can refuse although no capability is missing.</summary>
    public string WhoElse() => HasSeccompFilter
        ? "A seccomp filter of this process, as containers have it, or a security module (SELinux, AppArmor) refuses it."
        : $"{Capitalized(Modules.Refusal("it"))}. {Modules.Remedy}";

    /// <summary>Returns the message for a file of procfs, not of a process, that does not exist.</summary>
    /// <param name="path">The file.</param>
    /// <param name="otherwise">Why it does not exist where procfs shows all its files.</param>
    public string MissingFile(string path, string otherwise) => ShowsOnlyProcesses
        ? $"There is no {path}: this procfs shows processes only (mount option subset=pid). Mount another procfs, or run where "
            + "it is mounted without the option."
        : otherwise;

    private static string Capitalized(string clause) => char.ToUpperInvariant(clause[0]) + clause[1..];

    internal static string List(IReadOnlyList<Capability> capabilities) => capabilities.Count == 1
        ? CapabilityName.Of(capabilities[0])
        : $"{string.Join(", ", capabilities.Take(capabilities.Count - 1).Select(CapabilityName.Of))} and "
            + CapabilityName.Of(capabilities[^1]);

    /// <summary>Parses lines of a name, a colon and a text, as <c>status</c> has them.</summary>
    internal static Dictionary<string, string> Fields(string text)
    {
        Dictionary<string, string> fields = [];
        foreach (string line in text.Split('\n'))
        {
            if (line.IndexOf(':', StringComparison.Ordinal) is int colon and > 0)
            {
                fields.TryAdd(line[..colon], line[(colon + 1)..].Trim());
            }
        }

        return fields;
    }

    internal static uint[] Ids(Dictionary<string, string> status, string name) =>
        [.. status.GetValueOrDefault(name, string.Empty).Split((char[])['\t', ' '], StringSplitOptions.RemoveEmptyEntries)
            .Select(word => uint.TryParse(word, CultureInfo.InvariantCulture, out uint id) ? id : uint.MaxValue)];

    internal static ulong Mask(Dictionary<string, string> status, string name) => ulong.TryParse(
        status.GetValueOrDefault(name), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong mask) ? mask : 0;

    /// <summary>Reads the start of a small file of the kernel; empty where that fails.</summary>
    internal static string ReadAll(string path, SafeFileHandle? folder = null) =>
        KernelFiles.TryReadText(path, folder) ?? string.Empty;

    private static string It(IReadOnlyList<Capability> capabilities) => capabilities.Count == 1 ? "it" : "them";

    /// <summary>Returns the word that the kernel marks by brackets: <c>none integrity [confidentiality]</c>.</summary>
    private static string? Selected(string modes)
    {
        int open = modes.IndexOf('[', StringComparison.Ordinal);
        int close = modes.IndexOf(']', StringComparison.Ordinal);
        return open >= 0 && close > open ? modes[(open + 1)..close] : null;
    }

    /// <summary>The options of a mounted procfs.</summary>
    private readonly record struct MountOptions(string? HidePid, uint? Group, bool IsSubset)
    {
        public static MountOptions Of(KernelFiles files)
        {
            MountOptions result = default;
            using StringReader lines = new(ReadMounts(files));
            while (lines.ReadLine() is string line)
            {
                // The last mount at one place is the visible one.
                if (MountInfoLine.TryParse(Encoding.UTF8.GetBytes(line), out MountInfoLine mount)
                    && mount.FileSystem.SequenceEqual("proc"u8) && MountInfoLine.Unescape(mount.MountPoint) == files.Proc)
                {
                    result = Parse(mount.SuperOptions);
                }
            }

            return result;
        }

        private static string ReadMounts(KernelFiles files)
        {
            try
            {
                return File.ReadAllText($"{files.Proc}/self/mountinfo");
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                return string.Empty;
            }
        }

        private static MountOptions Parse(ReadOnlySpan<byte> options)
        {
            string? hidePid = null;
            uint? group = null;
            bool isSubset = false;
            foreach (Range range in options.Split((byte)','))
            {
                ReadOnlySpan<byte> option = options[range];
                isSubset |= option.SequenceEqual("subset=pid"u8);
                if (option.StartsWith("hidepid="u8))
                {
                    // A number before Linux 5.8.
                    hidePid = Encoding.UTF8.GetString(option["hidepid="u8.Length..]) switch
                    {
                        "0" or "off" => null,
                        "1" => "noaccess",
                        "2" => "invisible",
                        "4" => "ptraceable",
                        string name => name,
                    };
                }
                else if (option.StartsWith("gid="u8) && Utf8Parser.TryParse(option["gid="u8.Length..], out uint id, out _))
                {
                    group = id;
                }
            }

            return new MountOptions(hidePid, group, isSubset);
        }
    }
}
