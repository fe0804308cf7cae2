using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>What the kernel checks before it allows access to a process (ptrace(2), proc(5)).</summary>
public enum AccessCheck
{
    /// <summary>Nothing but the mode of a file: <c>clear_refs</c>.</summary>
    FileMode,
    /// <summary>That the caller may read the process: <c>maps</c>, <c>pagemap</c>, <c>auxv</c>.</summary>
    Read,
    /// <summary>That the caller may also change it: memory, ptrace(2). The Yama module restricts only this.</summary>
    Attach,
}

/// <summary>Why the kernel refuses access, or why an ability is missing.</summary>
public enum AccessCause
{
    /// <summary>Nothing refuses it.</summary>
    None,
    /// <summary>The process belongs to another user or group.</summary>
    OtherUser,
    /// <summary>The mode of a file.</summary>
    FileMode,
    /// <summary>The operation requires a capability.</summary>
    Capability,
    /// <summary>The process has capabilities that the caller does not have.</summary>
    TargetCapability,
    /// <summary>The process is not dumpable.</summary>
    NotDumpable,
    /// <summary>The Yama module.</summary>
    Yama,
    /// <summary>The caller has its capabilities only in its own user namespace.</summary>
    UserNamespace,
    /// <summary>The procfs belongs to another PID namespace, whose ids system calls do not take.</summary>
    PidNamespace,
    /// <summary>The option hidepid of procfs hides the process.</summary>
    HidePid,
    /// <summary>The option subset=pid of procfs hides the file.</summary>
    SubsetPid,
    /// <summary>The kernel is locked down.</summary>
    Lockdown,
    /// <summary>The kernel was built without it, or the module or file system for it is not there.</summary>
    KernelConfig,
    /// <summary>A seccomp filter of the caller.</summary>
    Seccomp,
    /// <summary>A security module, such as SELinux or AppArmor.</summary>
    SecurityModule,
    /// <summary>The file system is mounted read-only, as in containers.</summary>
    ReadOnlyMount,
    /// <summary>Another process traces the process.</summary>
    Traced,
    /// <summary>The process is the caller itself.</summary>
    SameProcess,
    /// <summary>The process is a kernel thread, which has no memory of its own.</summary>
    KernelThread,
    /// <summary>Another error of the kernel; the reason has it.</summary>
    Other,
}

/// <summary>What the kernel's access checks look at in a process.</summary>
public sealed record TargetRights
{
    /// <summary>Its real, effective and saved user ids.</summary>
    public IReadOnlyList<uint> UserIds { get; init; } = [];

    /// <summary>Its real, effective and saved group ids.</summary>
    public IReadOnlyList<uint> GroupIds { get; init; } = [];

    /// <summary>Its permitted capabilities.</summary>
    public ulong Capabilities { get; init; }

    /// <summary>The content of its <c>uid_map</c>.</summary>
    public string UserMap { get; init; } = string.Empty;

    /// <summary>Whether it is a descendant of the caller.</summary>
    public bool IsDescendant { get; init; }

    /// <summary>Owner of its files in procfs: root where it is not dumpable.</summary>
    public uint FileOwner { get; init; }

    /// <summary>
    /// Whether it is not dumpable: it changed its user, or asked for it by prctl(2). Not known for a process of root.
    /// </summary>
    public bool IsProtected => FileOwner == 0 && UserIds is [_, > 0, ..];

    /// <summary>Reads the rights of a process; what cannot be read is taken for absent.</summary>
    /// <param name="folder">Its directory in procfs.</param>
    /// <param name="parentId">Its parent's id.</param>
    /// <param name="files">Where procfs is.</param>
    internal static TargetRights Read(SafeFileHandle folder, int parentId, KernelFiles files)
    {
        Dictionary<string, string> status = CallerRights.Fields(CallerRights.ReadAll("status", folder));
        return new TargetRights
        {
            UserIds = CallerRights.Ids(status, "Uid"),
            GroupIds = CallerRights.Ids(status, "Gid"),
            Capabilities = CallerRights.Mask(status, "CapPrm"),
            UserMap = CallerRights.ReadAll("uid_map", folder),
            IsDescendant = DescendsFromCaller(parentId, files),
            FileOwner = Libc.TryStatX(folder, "mem", out FileStatus file) == Errno.None ? file.UserId : 0,
        };
    }

    private static bool DescendsFromCaller(int parentId, KernelFiles files)
    {
        const int MaxGenerations = 1000;
        int own = files.OwnId;
        for (int generation = 0; generation < MaxGenerations && parentId > 0; generation++)
        {
            if (parentId == own)
            {
                return true;
            }

            string text = CallerRights.ReadAll($"{files.Proc}/{parentId}/stat");
            if (!ProcessStat.TryParse(System.Text.Encoding.UTF8.GetBytes(text), out ProcessStat stat))
            {
                return false;
            }

            parentId = stat.ParentId;
        }

        return false;
    }
}

/// <summary>
/// Why the kernel refuses access to a process: repeats its checks (<c>__ptrace_may_access</c> in <c>kernel/ptrace.c</c>,
/// <c>security/yama</c>, the modes of files) with the rights of the caller, and names what is missing.
/// </summary>
public sealed class AccessDiagnosis
{
    private AccessDiagnosis(IReadOnlyList<Capability> required, IReadOnlyList<Capability> missing, bool isRefused,
        AccessCause cause, string message)
    {
        IsRefused = isRefused;
        Cause = cause;
        Required = required;
        Missing = missing;
        Message = message;
    }

    /// <summary>The capabilities without which the checks fail; empty where none is needed, or none helps.</summary>
    public IReadOnlyList<Capability> Required { get; }

    /// <summary>Those that the caller does not have.</summary>
    public IReadOnlyList<Capability> Missing { get; }

    /// <summary>
    /// Whether the checks fail with these rights. Otherwise the kernel refuses for another reason, perhaps only for a
    /// moment.
    /// </summary>
    public bool IsRefused { get; }

    /// <summary>What refuses the access; a filter or a security module where the checks do not fail.</summary>
    public AccessCause Cause { get; }

    /// <summary>Sentences that say why access is refused and what helps.</summary>
    public string Message { get; }

    /// <summary>Finds out why access is refused.</summary>
    /// <param name="caller">The rights of the caller.</param>
    /// <param name="target">The rights of the process.</param>
    /// <param name="check">What the kernel checks.</param>
    /// <param name="file">The file that was opened; null: a system call.</param>
    /// <param name="access">How the file was opened.</param>
    public static AccessDiagnosis Of(CallerRights caller, TargetRights target, AccessCheck check, FileStatus? file = null,
        OpenAccess access = OpenAccess.ReadOnly)
    {
        List<Capability> required = [];
        AccessCause cause = AccessCause.FileMode;
        string reason = string.Empty;
        if (check != AccessCheck.FileMode && NeedsPtrace(caller, target, check) is (AccessCause checkCause, string why))
        {
            required.Add(Capability.SysPtrace);
            reason = why;
            cause = caller.Has(Capability.SysPtrace) ? cause : checkCause;
        }

        if (file is FileStatus status && FileCapability(caller, status, access) is Capability forFile)
        {
            required.Add(forFile);
        }

        Capability[] missing = [.. required.Where(capability => !caller.Has(capability))];
        // The kernel checks the capability only where the caller's user namespace contains that of the process.
        bool counts = caller.IsInInitialUserNamespace || Contains(caller.UserMap, target.UserMap);
        // No capability passes this check (yama_ptrace_access_check).
        return check == AccessCheck.Attach && caller.YamaScope == 3
            ? new AccessDiagnosis([], [], isRefused: true, AccessCause.Yama,
                "The Yama module allows no process to access the memory of another "
                + "(kernel.yama.ptrace_scope is 3). This can be changed only by a restart of the machine.")
            : new AccessDiagnosis(required, missing, missing.Length > 0 || (required.Count > 0 && !counts),
                missing.Length > 0 ? cause
                : required.Count > 0 && !counts ? AccessCause.UserNamespace
                : caller.HasSeccompFilter ? AccessCause.Seccomp : AccessCause.SecurityModule,
                required.Count == 0
                ? caller.WhoElse()
                : reason + caller.Explain(required, counts, "the user namespace of the process"));
    }

    /// <summary>
    /// Returns why the check passes only with CAP_SYS_PTRACE, without words where it is another user's process; null where
    /// it passes without.
    /// </summary>
    private static (AccessCause Cause, string Words)? NeedsPtrace(CallerRights caller, TargetRights target, AccessCheck check) =>
        !target.UserIds.Take(3).All(user => user == caller.UserId) || !target.GroupIds.Take(3).All(group => group == caller.GroupId)
        ? (AccessCause.OtherUser, string.Empty)
        : target.IsProtected
        ? (AccessCause.NotDumpable,
            "The process is not dumpable: it has changed its user, or protects its memory (prctl(2), PR_SET_DUMPABLE). ")
        : (target.Capabilities & ~caller.Capabilities) != 0
        ? (AccessCause.TargetCapability, "The process has capabilities that you do not have. ")
        : check == AccessCheck.Attach && caller.YamaScope is 2
        ? (AccessCause.Yama, "The Yama module restricts access to administrators (kernel.yama.ptrace_scope is 2). ")
        : check == AccessCheck.Attach && caller.YamaScope is 1 && !target.IsDescendant
        ? (AccessCause.Yama, "The Yama module restricts access to descendants (kernel.yama.ptrace_scope is 1). ")
        : null;

    /// <summary>Returns the capability that passes the mode of a file; null where the mode allows the access.</summary>
    private static Capability? FileCapability(CallerRights caller, in FileStatus file, OpenAccess access)
    {
        const int OtherRead = 0x4, OtherWrite = 0x2;
        bool isWrite = access is OpenAccess.WriteOnly or OpenAccess.ReadWrite;
        int needed = (isWrite ? OtherWrite : 0) | (access == OpenAccess.WriteOnly ? 0 : OtherRead);
        return file.UserId == caller.UserId || (file.Mode & needed) == needed ? null
            : isWrite ? Capability.DacOverride
            : caller.Has(Capability.DacOverride) ? Capability.DacOverride
            : Capability.DacReadSearch;
    }

    /// <summary>
    /// Whether the second user namespace is the first or within it. A namespace maps no more users than the one that
    /// contains it, and users that are not mapped come as the overflow number.
    /// </summary>
    private static bool Contains(string own, string other)
    {
        return own == other || (Users(other) <= Users(own) && !HasUnmapped(other));

        static ulong Users(string map)
        {
            ulong users = 0;
            foreach (string[] words in Lines(map))
            {
                users += ulong.TryParse(words[2], out ulong count) ? count : 0;
            }

            return users;
        }

        static bool HasUnmapped(string map) => Lines(map).Any(words => words[1] == $"{uint.MaxValue}");

        static IEnumerable<string[]> Lines(string map) => map.Split('\n')
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Where(words => words.Length == 3);
    }
}
