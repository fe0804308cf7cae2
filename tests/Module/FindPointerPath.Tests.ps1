BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    # A pointer in the .bss of libc.
    $place = (Resolve-ProcAddress $target.Id 'libc.so.6!environ').Address
    $address = (Resolve-ProcAddress $target.Id '*(libc.so.6!environ)').Address
    $found = @(Find-PointerPath $target.Id $address -Depth 1 -MaxOffset 0)
}

AfterAll {
    Stop-Target
}

Describe 'Find-PointerPath' {
    It 'finds a pointer in static memory, as an expression that other cmdlets accept' {
        $own = $found | Where-Object BaseAddress -EQ $place
        $own | Should -HaveCount 1
        $own | Should -BeOfType MemProc.PointerChain
        $own.Expression | Should -Match '^\*\(libc\.so\.6!\.bss\+0x[0-9a-f]+\)$'
        $own.Depth | Should -Be 1
        (Resolve-ProcAddress $target.Id $own.Expression).Address | Should -Be $address
        ($own | Read-ProcessMemory -Length 8).Address | Should -Be $address
        $own | Out-Screen -Width 100 | Should -Match ([regex]::Escape($own.Expression))
    }

    It 'narrows saved paths, of CLIXML, JSON, and CSV' {
        $found | Export-Clixml $TestDrive/paths.xml
        (Find-PointerPath $target.Id $address -From (Import-Clixml $TestDrive/paths.xml)).Expression | Should -Be $found.Expression
        $json = $found | ConvertTo-Json -AsArray | ConvertFrom-Json
        (Find-PointerPath $target.Id $address -From $json).Expression | Should -Be $found.Expression
        $csv = $found | ConvertTo-Csv | ConvertFrom-Csv
        $csv[0].Offsets | Should -BeExactly '0x0'
        (Find-PointerPath $target.Id $address -From $csv).Expression | Should -Be $found.Expression
        Find-PointerPath $target.Id ($address + 8) -From $found | Should -BeNullOrEmpty
        { Find-PointerPath $target.Id $address -From 'x' } | Should -Throw -ErrorId 'From,EINVAL,*'
        { Find-PointerPath $target.Id $address -From ([pscustomobject] @{ Base = '(('; Offsets = 1 }) -ErrorAction Stop } |
            Should -Throw -ErrorId 'FindPointerPath,EINVAL,*'
    }

    It 'reports its limit, an address that is not mapped, and stops after -First' {
        $shown = Find-PointerPath $target.Id $address -Depth 1 -MaxOffset 4096 -First 1 -Verbose 4>&1
        $shown | Where-Object { $_ -is [System.Management.Automation.VerboseRecord] } | Should -Match 'keeps at most'
        @($shown | Where-Object { $_ -is [MemProc.PointerChain] }) | Should -HaveCount 1
        { Find-PointerPath $target.Id 16 -ErrorAction Stop } | Should -Throw -ErrorId 'FindMap,ENOENT,*'
    }
}
