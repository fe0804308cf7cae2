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
        # Every process maps the same vDSO, also those that were not asked for.
        $vdso.UnseenSharedPages | Should -Be $vdso.PresentPages
        $vdso.PssBytes | Should -BeLessThan ($vdso.PresentPages * 4096 / 2)
        $vdso | Out-Screen | Should -Match '0 +[\d.]+ (B|KiB) +1\+ r-xp \[vdso\]'
        $own | Out-Screen | Should -Match ('0x{0:x12} +2 +2 +8 KiB +0 rw-p' -f $seed)
    }

    It 'reports pages that a process outside of the PID namespace maps too' {
        Assert-Root
        $file = Join-Path $TestDrive shared
        [IO.File]::WriteAllBytes($file, [byte[]]::new(4096))
        $address = $target.Ask("file 0 4096 rw- shared $file").address
        $null = $target.Ask("touch $address 1")
        $answer = Invoke-OtherPwsh -Prefix unshare, --pid, --fork, --mount-proc -Script @"
            `$own = [IO.MemoryMappedFiles.MemoryMappedFile]::CreateFromFile('$file')
            `$view = `$own.CreateViewAccessor()
            `$null = `$view.ReadByte(0)
            Get-PageSharing | Where-Object Path -EQ '$file' |
                Select-Object PresentPages, PrivatePages, UnseenSharedPages, PssBytes, UssBytes | ConvertTo-Json -Compress
"@
        $answer | Should -Be '{"PresentPages":1,"PrivatePages":0,"UnseenSharedPages":1,"PssBytes":2048,"UssBytes":0}'
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

Describe 'Get-PageSharing -Summary' {
    It 'sums up what a process has alone, and what it shares with whom' {
        Assert-Root
        $other = Start-Target
        $maps = Get-PageSharing $target.Id -AmongId $other.Id
        $sum = Get-PageSharing $target.Id -AmongId $other.Id -Summary
        $sum | Should -BeOfType MemProc.PageSharingSummary
        $sum.MappingCount | Should -Be $maps.Count
        $sum.SharedBytes + $sum.UssBytes | Should -Be $sum.RssBytes
        $sum.PssBytes | Should -BeGreaterThan $sum.UssBytes
        $sum.SharedWith.ProcessId | Should -Be $other.Id
        $sum.SharedWith.SizeBytes | Should -Be (($maps.SharedWith | Measure-Object SizeBytes -Sum).Sum)
        $screen = $sum | Out-Screen -Width 80
        $screen | Should -Match "Process $($target.Id) \(dotnet\)"
        $screen | Should -Match "shared with +[\d.]+ MiB +$($other.Id) \(dotnet\)"
        ([System.Management.Automation.PSSerializer]::Deserialize(
            [System.Management.Automation.PSSerializer]::Serialize($sum, 3)) | Out-Screen -Width 80) | Should -Be $screen
    }

    It 'names what works without root' {
        Assert-Root
        $answer = Invoke-OtherPwsh -Prefix setpriv, --reuid=65534, --regid=65534, --clear-groups -Script "
            Get-PageSharing -ErrorVariable problem -ErrorAction SilentlyContinue; `"`$problem`""
        $answer | Should -Match 'Get-ProcMemoryStatus -Detailed and Get-ProcMap -Detailed show how much is shared'
    }
}
