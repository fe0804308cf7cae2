BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
    $here = @{ Id = $target.Id; Address = $seed; Length = 8192 }
}

AfterAll {
    Stop-Target
}

Describe 'Select-ProcessMemoryMatch' {
    BeforeEach {
        $place = $target.Ask('map 65536 rw- private').address
        $null = $target.Ask("fill $place 65536 9")
        $scope = @{ Id = $target.Id; Address = $place; Length = 65536 }
        Set-Number $target ($place + 400) 1000
    }

    It 'accepts single matches, and returns their previous values' {
        $found = Search-ProcessMemory @scope -Type Int32 -Value 1000
        Set-Number $target ($place + 400) 1001
        $match = $found | Select-ProcessMemoryMatch -Increased
        $match.Address | Should -Be ($place + 400)
        $match.Value, $match.PreviousValue | Should -Be 1001, 1000
        $match | Out-Screen | Should -Match '1000 -> 1001'
        $match | Select-ProcessMemoryMatch -Changed | Should -BeNullOrEmpty
    }

    It 'compares bytes and text only for changes' {
        $found = Search-ProcessMemory @here -Text 1234
        { $found | Select-ProcessMemoryMatch -Increased -ErrorAction Stop } |
            Should -Throw -ErrorId 'SelectMatch,EINVAL,MemProc.PowerShell.SelectProcessMemoryMatchCommand'
        ($found | Select-ProcessMemoryMatch -Unchanged).Value | Should -Be '1234'
    }

    It 'writes an error for a match that is no longer readable, and continues' {
        $other = $target.Ask('map 4096 rw- private').address
        $found = @(
            foreach ($address in $other, ($place + 400)) {
                Set-Number $target $address 5
                Search-ProcessMemory $target.Id -Type Int32 -Value 5 -Address $address -Length 4
            }
        )
        $null = $target.Ask("unmap $other 4096")
        $kept = $found | Select-ProcessMemoryMatch -Unchanged -ErrorVariable problem -ErrorAction SilentlyContinue
        $kept.Address | Should -Be ($place + 400)
        $problem[0].FullyQualifiedErrorId |
            Should -Be 'ReadMemory,EFAULT,MemProc.PowerShell.SelectProcessMemoryMatchCommand'
    }
}
