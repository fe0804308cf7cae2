BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
}

AfterAll {
    Stop-Target
}

Describe 'Clear-SoftDirty' {
    It 'clears soft-dirty bits, and detects a kernel without them' {
        $address = New-TouchedMemory $target
        try {
            $clear = Clear-SoftDirty $target.Id -PassThru
        }
        catch {
            $_.FullyQualifiedErrorId | Should -Be 'ClearSoftDirty,ENOSYS,MemProc.PowerShell.ClearSoftDirtyCommand'
            $_.CategoryInfo.Category | Should -Be 'NotImplemented'
            $_.Exception.Message | Should -Match 'CONFIG_MEM_SOFT_DIRTY'
            (Get-PageMapEntry $target.Id $address 40960).IsSoftDirty | Should -Not -Contain $true
            return
        }

        $clear | Should -BeOfType MemProc.SoftDirtyClear
        $clear.Time | Should -BeOfType [datetime]
        (Get-PageMapEntry $target.Id $address 40960).IsSoftDirty | Should -Not -Contain $true
        $null = $target.Ask("touch $($address + 4096) 1")
        ($clear | Get-PageMapEntry -Address $address -Length 40960 | Where-Object IsSoftDirty).Address |
            Should -Be ($address + 4096)
        Clear-SoftDirty $target.Id | Should -BeNullOrEmpty
        Clear-SoftDirty $target.Id -WhatIf -PassThru | Should -BeNullOrEmpty
    }
}
