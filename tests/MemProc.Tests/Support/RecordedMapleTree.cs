namespace MemProc.Tests;

/// <summary>The maple tree of a process with 23 mappings, recorded on x86-64 Linux 6.18: a root and two leaves.</summary>
internal static class RecordedMapleTree
{
    /// <summary>The tree's ma_root.</summary>
    public const ulong Root = 0xffff888487c4fb1e;

    /// <summary>Addresses of the nodes: the root node, then the leaves.</summary>
    public static readonly ulong[] Addresses = [0xffff888487c4fb00, 0xffff888488d4ea00, 0xffff888488d4e600];

    /// <summary>Addresses of the vm_area_structs, with the first address of each and the first address after it.</summary>
    public static readonly (ulong Vma, ulong Start, ulong End)[] Entries =
    [
        (0xffff88814535ecc0, 0x557e51414000, 0x557e51416000),
        (0xffff888570be6540, 0x557e51416000, 0x557e5141b000),
        (0xffff888572e53f00, 0x557e5141b000, 0x557e5141d000),
        (0xffff888144667300, 0x557e5141d000, 0x557e5141e000),
        (0xffff88856c2186c0, 0x557e5141e000, 0x557e5141f000),
        (0xffff8885696b8a80, 0x557e6ecce000, 0x557e6ecef000),
        (0xffff88856ee57840, 0x7f5e7805b000, 0x7f5e7805e000),
        (0xffff888487cc2900, 0x7f5e7805e000, 0x7f5e78084000),
        (0xffff888572bfad80, 0x7f5e78084000, 0x7f5e781da000),
        (0xffff88857085b300, 0x7f5e781da000, 0x7f5e7822d000),
        (0xffff888487991d80, 0x7f5e7822d000, 0x7f5e78231000),
        (0xffff888486d4d300, 0x7f5e78231000, 0x7f5e78233000),
        (0xffff888487563f00, 0x7f5e78233000, 0x7f5e78240000),
        (0xffff888486322b40, 0x7f5e78249000, 0x7f5e7824b000),
        (0xffff888488bd8300, 0x7f5e7824b000, 0x7f5e7824f000),
        (0xffff888139a30480, 0x7f5e7824f000, 0x7f5e78251000),
        (0xffff8885697f2900, 0x7f5e78251000, 0x7f5e78253000),
        (0xffff888572bfac00, 0x7f5e78253000, 0x7f5e78254000),
        (0xffff888572e53b40, 0x7f5e78254000, 0x7f5e7827a000),
        (0xffff8885729c1240, 0x7f5e7827a000, 0x7f5e78284000),
        (0xffff88811966f900, 0x7f5e78284000, 0x7f5e78286000),
        (0xffff888487aea900, 0x7f5e78286000, 0x7f5e78288000),
        (0xffff88848639b480, 0x7ffeb58c5000, 0x7ffeb58e6000),
    ];

    /// <summary>The nodes, as copies that a test may change.</summary>
    public static Dictionary<ulong, byte[]> Nodes() => new()
    {
        [0xffff888487c4fb00] = Convert.FromBase64String(
            "QTKHQ4GI////zyJ4Xn8AAP//////////AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" +
            "AAAAAAAM6tSIhIj//wzm1IiEiP//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" +
            "AAAAAAAAAAAAAABAQVF+VQAAAKBxSgGA//8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" +
            "AAAAAAAAAAAAAAAAAAAAAQEAAAAAAAAAAAAAAAAAAA=="),
        [0xffff888488d4ea00] = Convert.FromBase64String(
            "BvvEh4SI////P0FRflUAAP9fQVF+VQAA/69BUX5VAAD/z0FRflUAAP/fQVF+VQAA/+9BUX5VAAD/38xuflUAAP/vzm5+VQAA/68F" +
            "eF5/AAD/3wV4Xn8AAP8/CHhefwAA/58deF5/AAD/zyJ4Xn8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAMDsNUWBiP//QGW+cIWI" +
            "//8AP+VyhYj//wBzZkSBiP//wIYhbIWI//8AAAAAAAAAAICKa2mFiP//AAAAAAAAAABAeOVuhYj//wApzIeEiP//gK2/coWI//8A" +
            "s4VwhYj//wAAAAAAAAAAAAAAAAAAAAAMAAAAAAAAAA=="),
        [0xffff888488d4e600] = Convert.FromBase64String(
            "DvvEh4SI////DyN4Xn8AAP8vI3hefwAA//8jeF5/AAD/jyR4Xn8AAP+vJHhefwAA/+8keF5/AAD/DyV4Xn8AAP8vJXhefwAA/z8l" +
            "eF5/AAD/nyd4Xn8AAP8/KHhefwAA/18oeF5/AAD/fyh4Xn8AAP9PjLX+fwAA/1+Otf5/AACAHZmHhIj//wDT1IaEiP//AD9Wh4SI" +
            "//8AAAAAAAAAAEArMoaEiP//AIO9iISI//+ABKM5gYj//wApf2mFiP//AKy/coWI//9AO+VyhYj//0ASnHKFiP//APlmGYGI//8A" +
            "qa6HhIj//wAAAAAAAAAAgLQ5hoSI//8AAAAAAAAAAA=="),
    };
}
