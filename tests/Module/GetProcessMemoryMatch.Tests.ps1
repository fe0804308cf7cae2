BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
}

AfterAll {
    Stop-Target
}

Describe 'Get-ProcessMemoryMatch' {
    BeforeEach {
        $place = $target.Ask('map 65536 rw- private').address
        $null = $target.Ask("fill $place 65536 9")
        $scope = @{ Id = $target.Id; Address = $place; Length = 65536 }
        Set-Number $target ($place + 400) 1000
    }

    It 'narrows all numbers down to one' {
        $scan = New-ProcessMemoryScan @scope -Type Int32
        $scan | Should -BeOfType MemProc.MemoryScan
        $scan.Count | Should -Be 16384
        Set-Number $target ($place + 400) 1001
        $next = $scan | Select-ProcessMemoryMatch -Increased
        Set-Number $target ($place + 400) 900
        $last = $next | Select-ProcessMemoryMatch -Decreased | Select-ProcessMemoryMatch -Unchanged |
            Select-ProcessMemoryMatch -Between 800, 1000 | Select-ProcessMemoryMatch -Value 900
        $last.Count | Should -Be 1
        $last.Rounds | Should -Be 6
        $match = $last | Get-ProcessMemoryMatch
        $match.Address | Should -Be ($place + 400)
        $match.Value | Should -Be 900
        $match.Permissions | Should -Be 'rw-p'
        # The earlier scans are unchanged.
        $scan.Count | Should -Be 16384
        ($scan | Select-ProcessMemoryMatch -Changed).Count | Should -Be 1
        ($scan | Get-ProcessMemoryMatch -First 5).Count | Should -Be 5
        $last | Get-ProcessMemoryMatch | Write-ProcessMemory -Value 7 -Type Int32 -Confirm:$false
        ($last | Select-ProcessMemoryMatch -Value 7).Count | Should -Be 1
        ($last | Select-ProcessMemoryMatch -GreaterThan 7).Count | Should -Be 0
        ($last | Select-ProcessMemoryMatch -LessThan 8).Count | Should -Be 1
    }

    It 'writes the matches in address order, and stops after -First matches' {
        $scan = New-ProcessMemoryScan @scope -Type Int32
        $found = $scan | Get-ProcessMemoryMatch -First 3
        $found | Should -BeOfType MemProc.MemoryMatch
        $found | ForEach-Object Address | Should -Be $place, ($place + 4), ($place + 8)
        $found | ForEach-Object Type | Should -Be 'Int32', 'Int32', 'Int32'
        ($scan | Get-ProcessMemoryMatch | Select-Object -First 2).Count | Should -Be 2
    }
}
