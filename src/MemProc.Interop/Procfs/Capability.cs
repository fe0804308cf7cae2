using System.Text;

namespace MemProc.Interop;

/// <summary>A capability (<c>include/uapi/linux/capability.h</c>, capabilities(7)), by its number.</summary>
public enum Capability
{
    /// <summary>CAP_DAC_OVERRIDE: passes the mode bits of files.</summary>
    DacOverride = 1,
    /// <summary>CAP_DAC_READ_SEARCH: passes the mode bits of files for reading.</summary>
    DacReadSearch = 2,
    /// <summary>CAP_FOWNER: acts as the owner of any file.</summary>
    Fowner = 3,
    /// <summary>CAP_SYS_RAWIO: reads physical memory.</summary>
    SysRawio = 17,
    /// <summary>CAP_SYS_PTRACE: accesses the memory of any process.</summary>
    SysPtrace = 19,
    /// <summary>CAP_SYS_ADMIN: much, such as the frame numbers of pages.</summary>
    SysAdmin = 21,
    /// <summary>CAP_SYSLOG: sees the kernel's addresses.</summary>
    Syslog = 34,
    /// <summary>CAP_PERFMON: observes the kernel.</summary>
    Perfmon = 38,
    /// <summary>CAP_BPF: loads bpf programs.</summary>
    Bpf = 39,
}

/// <summary>The C names of capabilities.</summary>
public static class CapabilityName
{
    /// <summary>Returns the name of a capability: <c>CAP_SYS_PTRACE</c>.</summary>
    public static string Of(Capability capability)
    {
        StringBuilder name = new("CAP");
        foreach (char letter in capability.ToString())
        {
            if (char.IsUpper(letter))
            {
                name.Append('_');
            }

            name.Append(char.ToUpperInvariant(letter));
        }

        return name.ToString();
    }
}
