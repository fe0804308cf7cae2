BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
}

AfterAll {
    Stop-Target
}

Describe 'Get-PageSharing' {
    It 'distinguishes private from shared pages, and names the sharing processes' {
        Assert-Root
        $second = Start-Target
        $sharing = Get-PageSharing $target.Id -AmongId $second.Id
        $sharing | Should -BeOfType MemProc.PageSharing
        $own = $sharing | Where-Object Start -EQ $seed
        $own.PresentPages | Should -Be 2
        $own.PrivatePages | Should -Be 2
        $own.UssBytes | Should -Be 8192
        $own.SharedWith.Count | Should -Be 0
        $vdso = $sharing | Where-Object Path -EQ '[vdso]'
        $vdso.SharedWith.ProcessId | Should -Be $second.Id
        $vdso.PrivatePages | Should -Be 0
        $vdso.PssBytes | Should -Be ($vdso.PresentPages * 4096 / 2)
        $own | Out-Screen | Should -Match ('0x{0:x12} +2 +2 +8 KiB +0 rw-p' -f $seed)
    }

    It 'searches all processes' {
        Assert-Root
        Assert-PidNamespace
        $vdso = Get-PageSharing $target.Id | Where-Object Path -EQ '[vdso]'
        $vdso.SharedWith.ProcessId | Should -Contain $PID
    }

    It 'writes an error for a process that does not exist' {
        Assert-Root
        { Get-PageSharing 4194305 -AmongId $target.Id -ErrorAction Stop } |
            Should -Throw -ErrorId 'OpenProcess,ESRCH,MemProc.PowerShell.GetPageSharingCommand'
    }
}
