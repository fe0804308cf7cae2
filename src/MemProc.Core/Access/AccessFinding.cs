using System.Globalization;
using MemProc.Interop;

namespace MemProc;

/// <summary>What was found out about one ability.</summary>
/// <param name="Cause">What refuses it; None where it is allowed.</param>
/// <param name="Reason">Why, in sentences.</param>
/// <param name="Remedy">The smallest change that allows it.</param>
internal sealed record AccessFinding(AccessCause Cause, string Reason = "", string Remedy = "")
{
    /// <summary>The ability was tried and works.</summary>
    public static readonly AccessFinding Allowed = new(AccessCause.None);

    /// <summary>The capabilities that are missing.</summary>
    public IReadOnlyList<Capability> Missing { get; init; } = [];

    /// <summary>See <see cref="ProcMemAccess.IsPredicted"/>.</summary>
    public bool IsPredicted { get; init; }

    /// <summary>Whether the ability is there.</summary>
    public bool IsAllowed => Cause == AccessCause.None;

    /// <summary>Returns the first of several findings that refuses; allowed where none does.</summary>
    public static AccessFinding FirstRefused(params ReadOnlySpan<Func<AccessFinding>> findings)
    {
        bool isPredicted = false;
        foreach (Func<AccessFinding> find in findings)
        {
            AccessFinding finding = find();
            if (!finding.IsAllowed)
            {
                return finding;
            }

            isPredicted |= finding.IsPredicted;
        }

        return Allowed with { IsPredicted = isPredicted };
    }
}

/// <summary>Words for what refuses an ability, and for the smallest change that helps.</summary>
/// <param name="rights">The rights of the caller.</param>
internal sealed class AccessAdvice(CallerRights rights)
{
    /// <summary>Finds the words for a refusal of the access checks of a process.</summary>
    /// <param name="diagnosis">The checks that fail.</param>
    /// <param name="target">The rights of the process.</param>
    /// <param name="what">What was refused: a path, or a system call.</param>
    public AccessFinding ForProcess(AccessDiagnosis diagnosis, TargetRights target, string what)
    {
        string grant = Grant(diagnosis.Missing);
        uint user = target.UserIds.Count > 1 ? target.UserIds[1] : 0;
        (string reason, string remedy) = diagnosis.Cause switch
        {
            AccessCause.OtherUser => (OtherUser(target, user),
                target is { Capabilities: 0, IsProtected: false } && user != 0
                    ? string.Create(CultureInfo.InvariantCulture, $"{grant}, or run as user {user}.")
                    : $"{grant}."),
            AccessCause.FileMode => (string.Create(CultureInfo.InvariantCulture,
                $"The mode of {what} allows it to user {target.FileOwner} only."), $"{grant}."),
            AccessCause.NotDumpable => ("The process is not dumpable: it has changed its user, or protects its memory "
                + "(prctl(2), PR_SET_DUMPABLE).", $"{grant}."),
            AccessCause.TargetCapability => ("The process has capabilities that you do not have.", $"{grant}."),
            AccessCause.Yama => Yama(grant),
            AccessCause.UserNamespace => UserNamespace(diagnosis.Required, "the user namespace of the process"),
            _ => Filtered(diagnosis.Cause, what),
        };
        return new AccessFinding(diagnosis.Cause, reason, remedy) { Missing = diagnosis.Missing };
    }

    /// <summary>Finds the words for what requires capabilities for the machine.</summary>
    /// <param name="what">What requires them.</param>
    /// <param name="cause">What refuses where a capability is missing.</param>
    /// <param name="required">The capabilities.</param>
    public AccessFinding ForMachine(string what, AccessCause cause, params Capability[] required)
    {
        Capability[] missing = [.. required.Where(capability => !rights.Has(capability))];
        AccessCause actual = missing.Length > 0 ? cause
            : !rights.IsInInitialUserNamespace ? AccessCause.UserNamespace
            : rights.HasSeccompFilter ? AccessCause.Seccomp : AccessCause.SecurityModule;
        (string reason, string remedy) = actual == cause && missing.Length > 0
            ? ($"{what} requires {CallerRights.List(required)}.", $"{Grant(missing)}.")
            : actual == AccessCause.UserNamespace ? UserNamespace(required, "the initial user namespace")
            : Filtered(actual, what);
        return new AccessFinding(actual, reason, remedy) { Missing = missing };
    }

    /// <summary>Finds the words for a file of procfs, not of a process, that does not exist.</summary>
    /// <param name="path">The file.</param>
    /// <param name="option">The option of the kernel's configuration that adds it.</param>
    public AccessFinding MissingFile(string path, string option) => rights.ShowsOnlyProcesses
        ? new AccessFinding(AccessCause.SubsetPid, $"There is no {path}: this procfs shows processes only (subset=pid).",
            "Mount another procfs, or run where it is mounted without the option.")
        : new AccessFinding(AccessCause.KernelConfig, $"This kernel has no {path}.", $"Requires a kernel with {option}.");

    /// <summary>Finds the words for a system call or file that a filter or a security module refuses.</summary>
    public (string Reason, string Remedy) Filtered(AccessCause cause, string what) => cause == AccessCause.Seccomp
        ? ($"A seccomp filter of this process, as containers have it, or a security module refuses {what}.",
            "Run outside of the container, or without the filter (seccomp=unconfined).")
        : ($"No right is missing: {rights.Modules.Refusal(what)}.", rights.Modules.Remedy);

    private string OtherUser(TargetRights target, uint user) => target.UserIds.Take(3).Distinct().Count() > 1
        ? "The process has several user ids."
        : user != rights.UserId
        ? string.Create(CultureInfo.InvariantCulture, $"The process belongs to user {user}.")
        : string.Create(CultureInfo.InvariantCulture,
            $"The process belongs to another group, {target.GroupIds.ElementAtOrDefault(1)}.");

    private (string Reason, string Remedy) Yama(string grant) => rights.YamaScope switch
    {
        3 => ("The Yama module allows no process to access the memory of another (kernel.yama.ptrace_scope is 3).",
            "Restart the machine with another setting; it cannot be changed before."),
        2 => ("The Yama module restricts access to administrators (kernel.yama.ptrace_scope is 2).", $"{grant}."),
        _ => ("The Yama module restricts access to descendants (kernel.yama.ptrace_scope is 1).",
            $"{grant}, start the process from this one, or set kernel.yama.ptrace_scope to 0."),
    };

    private static (string Reason, string Remedy) UserNamespace(IReadOnlyList<Capability> required, string scope) =>
        ($"Requires {CallerRights.List(required)} in {scope}; you have {(required.Count == 1 ? "it" : "them")} only in your own.",
            "Run outside of the container.");

    private string Grant(IReadOnlyList<Capability> missing) => missing.Count == 0 ? "Run outside of the container"
        : $"Grant {CallerRights.List(missing)}{(rights.IsInInitialUserNamespace ? string.Empty : " in the namespace of the machine")}";
}
