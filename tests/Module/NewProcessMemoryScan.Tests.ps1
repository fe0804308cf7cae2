BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
}

AfterAll {
    Stop-Target
}

Describe 'New-ProcessMemoryScan' {
    BeforeEach {
        $place = $target.Ask('map 65536 rw- private').address
        $null = $target.Ask("fill $place 65536 9")
        $scope = @{ Id = $target.Id; Address = $place; Length = 65536 }
        Set-Number $target ($place + 400) 1000
    }

    It 'starts with a condition' {
        New-ProcessMemoryScan @scope Int32 -Value 1000 | Get-ProcessMemoryMatch | ForEach-Object Address |
            Should -Contain ($place + 400)
        New-ProcessMemoryScan @scope Int32 -Between 999, 1001 | Get-ProcessMemoryMatch | ForEach-Object Address |
            Should -Contain ($place + 400)
        (New-ProcessMemoryScan @scope Int16 -Unaligned).Count | Should -Be 65535
    }

    It 'says how much memory a scan for all numbers can need' {
        $said = New-ProcessMemoryScan @scope Int32 -Verbose 4>&1 | Where-Object { $_ -is [System.Management.Automation.VerboseRecord] }
        "$said" | Should -Match 'can hold up to 64 KiB of memory'
        $said = New-ProcessMemoryScan @scope Int32 -Value 1000 -Verbose 4>&1 |
            Where-Object { $_ -is [System.Management.Automation.VerboseRecord] }
        "$said" | Should -Not -Match 'can hold'
        (New-ProcessMemoryScan @scope Int32 -Force).Count | Should -Be 16384
    }

    It 'shows a scan, from a job too' {
        $scan = New-ProcessMemoryScan @scope -Type Int32
        $scan | Out-Screen -Width 80 | Should -Match "$($target.Id) dotnet +Int32 +1 +16384 +0 +\d"
        $back = $scan | ConvertTo-CliXml | ConvertFrom-CliXml
        ($back | Out-Screen).Trim() | Should -Be ($scan | Out-Screen).Trim()
        { $back | Select-ProcessMemoryMatch -Changed -ErrorAction Stop } |
            Should -Throw -ErrorId 'SelectMatch,EINVAL,MemProc.PowerShell.SelectProcessMemoryMatchCommand'
    }
}
