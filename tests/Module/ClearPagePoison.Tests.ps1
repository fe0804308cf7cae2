# These tests poison no frame: the injector is a regular file that stores what is written to it.
BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
}

AfterAll {
    Stop-Target
}

Describe 'Clear-PagePoison' {
    It 'asks for confirmation' {
        $attribute = (Get-Command Clear-PagePoison).ImplementingType.
            GetCustomAttributes([System.Management.Automation.CmdletAttribute], $false)
        $attribute.ConfirmImpact | Should -Be 'High'
        $attribute.SupportsShouldProcess | Should -BeTrue
        (Get-Help Clear-PagePoison -Full | Out-String) | Should -Match 'WARNING'
    }

    It 'names the missing kernel feature' {
        if (Test-Path /sys/kernel/debug/hwpoison/corrupt-pfn) {
            Set-ItResult -Skipped -Because 'this kernel has a poison injector'
        }

        $problem = { Clear-PagePoison $target.Id -Pfn 1 -WhatIf } | Should -Throw -PassThru
        $problem.FullyQualifiedErrorId | Should -BeLike 'UnpoisonPage,E*,MemProc.PowerShell.ClearPagePoisonCommand'
    }

    It 'rejects <name>' -ForEach @(
        @{ name = 'a frame that is not poisoned'; call = 'Clear-PagePoison {0} -Pfn 0x100' }
        @{ name = 'a frame that is not poisoned, with -Force'; call = 'Clear-PagePoison -Pfn 0x100 -Force' }
    ) {
        Assert-Root
        $answer = Invoke-InSimulatedKernel "
            try { $($call -f $target.Id) -Confirm:`$false; 'done' } catch { `$_.FullyQualifiedErrorId }
            Get-Content /sys/kernel/debug/hwpoison/*"
        $answer | Should -Be 'UnpoisonPage,EINVAL,MemProc.PowerShell.ClearPagePoisonCommand'
    }
}
