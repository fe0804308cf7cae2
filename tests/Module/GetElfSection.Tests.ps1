BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $libc = (Get-ProcMap $target.Id -Path libc.so.6)[0].Path
}

AfterAll {
    Stop-Target
}

Describe 'Get-ElfSection' {
    It 'binds to memory cmdlets, like Get-ElfSegment' {
        $build = Get-ElfSection -Id $target.Id -Path libc.so.6 -Name .note.gnu.build-id
        $block = $build | Read-ProcessMemory
        [Convert]::ToHexString($block.Bytes[16..35]) | Should -Be (Get-ElfHeader $libc).BuildId
        (Get-ElfSection -Id $target.Id -Path libc.so.6 -Name .shstrtab).Address | Should -BeNullOrEmpty
        $text = Get-ElfSegment -Id $target.Id -Path libc.so.6 -Type Load | Where-Object Permissions -EQ 'r-x'
        (Get-ProcMap $target.Id -Address $text.Address).Permissions | Should -Be 'r-xp'
    }

    It 'fits the screen, like segments and symbols' {
        foreach ($items in @(Get-ElfSegment /bin/ls), @(Get-ElfSection /bin/ls), @(Get-ElfSegment -Id $target.Id -Path '[vdso]'),
            @(Get-ElfSection -Id $target.Id -Path libc.so.6), @(Get-ElfSymbol -Id $target.Id -Path libc.so.6 -Name 'm*')) {
            $lines = ($items | Out-Screen -Width 80) -split "`n"
            ($lines | Measure-Object Length -Maximum).Maximum | Should -BeLessOrEqual 80
            $lines.Count | Should -BeGreaterThan 4
        }
    }
}
