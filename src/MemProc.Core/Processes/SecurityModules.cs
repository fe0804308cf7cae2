using MemProc.Interop;

namespace MemProc;

/// <summary>
/// What is known about the security modules that restrict this process. The kernel does not say which one has refused
/// something: it is concluded from what they show of this process.
/// </summary>
public sealed record SecurityModules
{
    /// <summary>
    /// The profile of AppArmor or the context of SELinux, as <c>/proc/self/attr/current</c> has it; null where there is none,
    /// or where it does not restrict the process.
    /// </summary>
    public string? Label { get; init; }

    /// <summary>
    /// The process can be in a Landlock sandbox: the kernel has Landlock, and the process has <c>no_new_privs</c>, which is
    /// required to enter one.
    /// </summary>
    public bool CanBeSandboxed { get; init; }

    /// <summary>What helps.</summary>
    public string Remedy => Label is null && CanBeSandboxed ? "Run outside of the sandbox." : "See the kernel's log for its rule.";

    /// <summary>Reads what is known. What cannot be read is taken for absent.</summary>
    /// <param name="files">Where procfs is.</param>
    /// <param name="hasNoNewPrivileges">The process has <c>no_new_privs</c>.</param>
    internal static SecurityModules Read(KernelFiles files, bool hasNoNewPrivileges)
    {
        string label = CallerRights.ReadAll($"{files.Proc}/self/attr/current").TrimEnd('\0', '\n');
        return new SecurityModules
        {
            // AppArmor says unconfined; SELinux without a policy has the context of the kernel for all.
            Label = label is "" or "unconfined" or "kernel" || label.StartsWith("unconfined", StringComparison.Ordinal) ? null : label,
            CanBeSandboxed = hasNoNewPrivileges && Libc.HasLandlock(),
        };
    }

    /// <summary>Returns the clause that names who refuses, without the full stop.</summary>
    /// <param name="what">What is refused.</param>
    public string Refusal(string what) => this switch
    {
        { Label: string label } when label.Split(':').Length > 2 =>
            $"a security module refuses {what}, probably SELinux: this process has the context {SafeText.Escape(label)}",
        { Label: string label } =>
            $"a security module refuses {what}, probably AppArmor: this process has the profile {SafeText.Escape(label)}",
        { CanBeSandboxed: true } => $"a security module refuses {what}, probably Landlock: this process has no_new_privs, as in a "
            + "sandbox, which does not reach processes outside of it",
        _ => $"a security module (SELinux, AppArmor) refuses {what}",
    };
}
