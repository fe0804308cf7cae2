BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $hasBitmap = Test-Path /sys/kernel/mm/page_idle/bitmap
}

AfterAll {
    Stop-Target
}

Describe 'Set-PageIdle' {
    It 'names the missing kernel feature' {
        if ($hasBitmap) {
            Set-ItResult -Skipped -Because 'this kernel has an idle bitmap'
        }

        $problem = { Set-PageIdle $target.Id } | Should -Throw -PassThru
        $problem.FullyQualifiedErrorId | Should -Be 'MarkIdle,ENOENT,MemProc.PowerShell.SetPageIdleCommand'
        $problem.CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $problem.Exception.Message | Should -Match 'CONFIG_IDLE_PAGE_TRACKING.*referenced bits'
    }

    It 'marks whole processes, mappings, pages and frames, and returns the number of idle pages' {
        Assert-Root
        $touched = New-TouchedMemory $target
        $answer = Invoke-InSimulatedKernel "
            function Show { '{0}|{1:x}|{2}|{3:x}|{4}|{5}' -f `$_.ProcessId, `$_.Address, `$_.Length, `$_.Pfn, `$_.PageCount, `$_.IdleCount }
            Set-PageIdle $($target.Id) $touched 0x2001 | ForEach-Object { Show }
            Set-PageIdle $($target.Id) $($touched + 0x123) | ForEach-Object { Show }
            Get-ProcMap $($target.Id) -Address $touched | Set-PageIdle | ForEach-Object { Show }
            `$page = Get-PageMapEntry $($target.Id) $touched
            `$page | Set-PageIdle | ForEach-Object { Show }
            `$page.Pfn | Get-PageFlags | Set-PageIdle | ForEach-Object { Show }
            '{0:x}' -f `$page.Pfn
            `$all = Set-PageIdle $($target.Id)
            `$all.PageCount -eq `$all.IdleCount + `$all.TouchedCount + `$all.UnmarkableCount
            `$all.IdleCount -gt 100
            `$all | Out-String -Width 80"
        $hex = '{0:x}' -f $touched
        $answer[0..3] | Should -Be "$($target.Id)|$hex|12288||3|3", "$($target.Id)|$hex|4096||1|1",
            "$($target.Id)|$hex|40960||10|10", "$($target.Id)|$hex|4096||1|1"
        $answer[4] | Should -Be "|||$($answer[5])|1|1"
        $answer[6..7] | Should -Be 'True', 'True'
        $answer[8..99] -join "`n" | Should -Match "ProcessId Address .*Unmarkable\n.*\n +$($target.Id) "
    }

    It 'rejects invalid arguments, and marks nothing with -WhatIf' {
        Assert-Root
        $answer = Invoke-InSimulatedKernel "
            try { Set-PageIdle $($target.Id) -Pfn 1 } catch { `$_.FullyQualifiedErrorId }
            try { Set-PageIdle $($target.Id) -Length 5 } catch { `$_.FullyQualifiedErrorId }
            try { Set-PageIdle -Pfn 0xfffffffffff } catch { `$_.FullyQualifiedErrorId }
            try { Set-PageIdle $($target.Id) 0x10 } catch { `$_.FullyQualifiedErrorId }
            try { Set-PageIdle 4194305 } catch { `$_.FullyQualifiedErrorId }
            Set-PageIdle $($target.Id) -WhatIf
            Set-PageIdle -Pfn 0x1000 -Count 16 -WhatIf
            /bin/sh -c 'tr -d \\000 < /sys/kernel/mm/page_idle/bitmap | wc -c'"
        $answer[0..4] | Should -Be @('Pfn,EINVAL', 'Address,EINVAL', 'ReadPageFlags,EINVAL', 'FindMap,ENOENT',
            'OpenProcess,ESRCH' | ForEach-Object { "$_,MemProc.PowerShell.SetPageIdleCommand" })
        $answer[5] | Should -Match "What if: Mark all pages of process $($target.Id) \(dotnet\) as idle"
        $answer[6] | Should -Match 'What if: Mark 16 frames from 0x1000 on as idle, for all processes'
        $answer[7] | Should -Be 0
    }
}
