# These tests poison no frame: the injector is a regular file that stores what is written to it.
BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
}

AfterAll {
    Stop-Target
}

Describe 'Set-PagePoison' {
    It 'asks for confirmation' {
        $attribute = (Get-Command Set-PagePoison).ImplementingType.
            GetCustomAttributes([System.Management.Automation.CmdletAttribute], $false)
        $attribute.ConfirmImpact | Should -Be 'High'
        $attribute.SupportsShouldProcess | Should -BeTrue
        (Get-Help Set-PagePoison -Full | Out-String) | Should -Match 'WARNING'
    }

    It 'names the missing kernel feature' {
        if (Test-Path /sys/kernel/debug/hwpoison/corrupt-pfn) {
            Set-ItResult -Skipped -Because 'this kernel has a poison injector'
        }

        $problem = { Set-PagePoison $target.Id $seed -WhatIf } | Should -Throw -PassThru
        $problem.FullyQualifiedErrorId | Should -BeLike 'PoisonPage,E*,MemProc.PowerShell.SetPagePoisonCommand'
        $problem.Exception.Message |
            Should -Match 'CONFIG_MEMORY_FAILURE|debugfs is not mounted|hwpoison-inject|Requires root|lockdown'
    }

    It 'shows frame, page and mapping with -WhatIf, and poisons nothing' {
        Assert-Root
        $answer = Invoke-InSimulatedKernel "
            Set-PagePoison $($target.Id) $($seed + 0x123) -WhatIf
            `$page = Get-PageMapEntry $($target.Id) $seed
            `$page | Set-PagePoison -WhatIf
            '{0:x}' -f `$page.Pfn
            Get-Content /sys/kernel/debug/hwpoison/*"
        $answer.Count | Should -Be 3
        $answer[0] | Should -Match ("What if: Poison frame 0x$($answer[2]) \(physical address 0x$($answer[2])000\), " +
            "the page at 0x{0:x} of process $($target.Id) \(dotnet\), mapping anonymous rw-p .*anonymous.*mapped once" -f $seed)
        $answer[1] | Should -Be $answer[0]
    }

    It 'rejects pages that are not exclusive to the process, and invalid arguments' {
        Assert-Root
        $cases = @(
            @{ name = 'a frame that the process does not map'; call = 'Set-PagePoison {0} -Pfn 0x100'; id = 'PoisonPage,EINVAL' }
            @{ name = 'a frame without a process'; call = 'Set-PagePoison -Pfn 0x100'; id = 'PoisonPage,EINVAL' }
            @{ name = 'a frame from the pipeline without a process'; call = '0x100 | Get-PageFlags | Set-PagePoison'
                id = 'PoisonPage,EINVAL' }
            @{ name = 'a page that other processes share'; call = 'Get-ProcMap {0} -Kind Vdso | Set-PagePoison'; id = 'PoisonPage,EACCES' }
            @{ name = 'a page that has moved'; call = 'Set-PagePoison {0} {1} -Pfn 0x100'; id = 'PoisonPage,EAGAIN' }
            @{ name = 'a hole'; call = 'Set-PagePoison {0} 0x10'; id = 'FindMap,ENOENT' }
            @{ name = 'a frame that does not exist'; call = 'Set-PagePoison -Pfn 0xfffffffffff -Force'; id = 'ReadPageFlags,EINVAL' }
            @{ name = 'an address without a process'; call = 'Set-PagePoison -Address {1}'; id = 'Id,EINVAL' }
            @{ name = 'a range of frames'; call = 'Set-PagePoison -Pfn 0x100..0x101 -Force'; id = 'Pfn,EINVAL' }
            @{ name = 'no page at all'; call = 'Set-PagePoison {0}'; id = 'Pfn,EINVAL' }
            @{ name = 'a process that has exited'; call = 'Set-PagePoison 4194305 {1}'; id = 'OpenProcess,ESRCH' }
        )
        $lines = $cases.call | ForEach-Object {
            "try { $($_ -f $target.Id, $seed) -Confirm:`$false; 'done' } catch { `$_.FullyQualifiedErrorId }"
        }
        $answer = Invoke-InSimulatedKernel (($lines -join "`n") + "`nGet-Content /sys/kernel/debug/hwpoison/*")
        $answer.Count | Should -Be $cases.Count
        foreach ($index in 0..($cases.Count - 1)) {
            $answer[$index] | Should -Match "^$($cases[$index].id),MemProc\.PowerShell\.SetPagePoisonCommand$" `
                -Because $cases[$index].name
        }
    }

    It 'detects a kernel that ignores the frame number' {
        Assert-Root
        $answer = Invoke-InSimulatedKernel "
            try { Set-PagePoison $($target.Id) $seed -Confirm:`$false; 'done' } catch { `$_.FullyQualifiedErrorId; `$_.CategoryInfo.Category }
            '0x{0:x}' -f (Get-PageMapEntry $($target.Id) $seed).Pfn
            Get-Content /sys/kernel/debug/hwpoison/corrupt-pfn"
        $answer[0] | Should -Be 'PoisonPage,EIO,MemProc.PowerShell.SetPagePoisonCommand'
        $answer[1] | Should -Be 'InvalidResult'
        $answer[3] | Should -Be $answer[2]
    }

    It 'fits 80 columns, from a job too' {
        # A hand-made object, since no frame is poisoned here: the view needs only the type name and plain values.
        $item = [pscustomobject] @{
            PSTypeName = 'Deserialized.MemProc.PagePoison'; Pfn = 0x1449a2; PhysicalAddress = 0x1449a2000
            ProcessId = 4717; ProcessName = "sleep`e[31m"; Address = 0x55d58f3df000; Permissions = 'rw-p'; Path = '[heap]'
            IsPoisoned = $true
        }
        $screen = $item | Out-Screen -Width 80
        $screen | Should -Match '0x1449a2 True +4717 sleep\\x1b\[31m +0x55d58f3df000 +\[heap\]'
        $screen -split "`n" | ForEach-Object { $_.TrimEnd().Length | Should -BeLessOrEqual 80 }
        $item | Format-List | Out-Screen | Should -Match 'PhysicalAddress : 0x1449a2000'
    }
}
