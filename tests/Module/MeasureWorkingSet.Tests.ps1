BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $hasBitmap = Test-Path /sys/kernel/mm/page_idle/bitmap
}

AfterAll {
    Stop-Target
}

Describe 'Measure-WorkingSet' {
    It 'counts the pages that a process touches, by mapping' {
        $quiet, $busy = (New-TouchedMemory $target), (New-TouchedMemory $target)
        $sets = Measure-WorkingSet $target.Id -Method Referenced -During {
            # Access through a cached translation (TLB) sets no bit; changing the protection flushes it.
            $null = $target.Ask("protect $busy 40960 r--"), $target.Ask("protect $busy 40960 rw-")
            $target.Ask("touch $($busy + 8192) 3")
        }
        $sets | Should -BeOfType MemProc.WorkingSet
        $sets.Count | Should -BeGreaterThan 20
        $found = $sets | Where-Object Start -EQ $busy
        $found.RssBytes | Should -Be 40960
        $found.ReferencedBytes | Should -Be 12288
        $found.UntrackedBytes | Should -BeNullOrEmpty
        # Nobody else maps anonymous memory of its own.
        $found.UssBytes, $found.PrivateReferencedBytes, $found.SharedReferencedBytes, $found.UnattributedReferencedBytes |
            Should -Be 40960, 12288, 0, 0
        $sets | Where-Object { $_.PrivateReferencedBytes + $_.SharedReferencedBytes + $_.UnattributedReferencedBytes -ne $_.ReferencedBytes } |
            Should -BeNullOrEmpty
        $found.Method | Should -Be Referenced
        $found.ProcessId | Should -Be $target.Id
        $found.Permissions | Should -Be 'rw-p'
        ($sets | Where-Object Start -EQ $quiet).ReferencedBytes | Should -Be 0
    }

    It 'writes a total with -Summary' {
        $null = New-TouchedMemory $target
        $sum = Measure-WorkingSet $target.Id -Seconds 0 -Summary -Method Referenced
        $sum | Should -BeOfType MemProc.WorkingSetSummary
        $sum.MappingCount | Should -BeGreaterThan 20
        $sum.RssBytes | Should -BeGreaterThan 1MB
        $sum.ReferencedBytes | Should -BeLessThan $sum.RssBytes
        $sum.PrivateReferencedBytes + $sum.SharedReferencedBytes + $sum.UnattributedReferencedBytes | Should -Be $sum.ReferencedBytes
        $sum.UssBytes | Should -BeLessThan $sum.RssBytes
    }

    It 'measures a process once for all its objects, and all processes in one interval' {
        $other = Start-Target
        $sums = @(Get-ProcMap $target.Id) + @(Get-ProcMap $other.Id) | Measure-WorkingSet -Seconds 0 -Summary
        $sums.ProcessId | Should -Be $target.Id, $other.Id
    }

    It 'binds its own output, and continues after an exited process' {
        $dead = Start-Target
        $dead.Kill()
        $sets = Measure-WorkingSet $dead.Id, $target.Id -Seconds 0 -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Be 'OpenProcess,ESRCH,MemProc.PowerShell.MeasureWorkingSetCommand'
        $problem[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $sets[0].ProcessId | Should -Be $target.Id
        ($sets[0] | Get-PageMapEntry | Select-Object -First 1).Address | Should -Be $sets[0].Start
    }

    It 'writes an error for a process that exits during the interval' {
        $victim = Start-Target
        $null = Measure-WorkingSet $victim.Id -Method Referenced -During { $victim.Kill() } -ErrorVariable problem `
            -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Be 'ReadMaps,ESRCH,MemProc.PowerShell.MeasureWorkingSetCommand'
        $problem[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
    }

    It 'fails with its script block' {
        { Measure-WorkingSet $target.Id -During { throw 'no such work' } } | Should -Throw '*no such work*'
    }

    It 'marks nothing with -WhatIf' {
        $address = New-TouchedMemory $target
        Measure-WorkingSet $target.Id -Method Referenced -WhatIf | Should -BeNullOrEmpty
        (Get-ProcMap $target.Id -Address $address -Detailed).ReferencedBytes | Should -Be 40960
        $shown = pwsh -NoProfile -NonInteractive -Command "Import-Module '$PSScriptRoot/../../MemProc.psd1'
            Measure-WorkingSet $($target.Id) -Seconds 0.5 -Method Referenced -WhatIf" | Out-String
        $shown | Should -Match 'What if: Clear the referenced bits of all pages of process \d+ \(dotnet\), wait 0.5 s'
    }

    It 'names what -Method Idle lacks, and with -Verbose why another method was used' {
        if ($hasBitmap) {
            Set-ItResult -Skipped -Because 'this kernel has an idle bitmap'
        }

        $problem = { Measure-WorkingSet $target.Id -Method Idle } | Should -Throw -PassThru
        $problem.FullyQualifiedErrorId |
            Should -Be 'MeasureWorkingSet,ENOENT,MemProc.PowerShell.MeasureWorkingSetCommand'
        $problem.CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $problem.Exception.Message | Should -Match 'CONFIG_IDLE_PAGE_TRACKING'
        $messages = Measure-WorkingSet $target.Id -Seconds 0 -Summary -Verbose 4>&1
        $messages[0].Message | Should -Match 'Measured by Referenced: .*CONFIG_IDLE_PAGE_TRACKING'
        $messages[-1].Method | Should -Be 'Referenced'
    }

    It 'measures by the idle bitmap if it exists' {
        Assert-Root
        $touched = New-TouchedMemory $target
        $answer = Invoke-InSimulatedKernel "
            `$untouched = Measure-WorkingSet $($target.Id) -During { } | Where-Object Start -EQ $touched
            `$all = Measure-WorkingSet $($target.Id) -During {
                # Touched, as the kernel would report it: no frame is idle any more.
                truncate -s 0 /sys/kernel/mm/page_idle/bitmap; truncate -s 64M /sys/kernel/mm/page_idle/bitmap
            } | Where-Object { `$_.Start -eq $touched -or `$_.Path -eq '[vdso]' }
            @(`$untouched) + `$all | ForEach-Object {
                '{0} {1} {2} {3}' -f `$_.Method, `$_.RssBytes, `$_.ReferencedBytes, `$_.UntrackedBytes
            }"
        $answer[0] | Should -Be 'Idle 40960 0 0'
        $answer[1] | Should -Be 'Idle 40960 40960 0'
        # The vDSO is a page of the kernel: its state is unknown.
        $answer[2] | Should -Match '^Idle (\d+) 0 \1$'
    }

    It 'fits 80 columns, from a job too' {
        $address = New-TouchedMemory $target
        $root = Resolve-Path $PSScriptRoot/../..
        $sets = Measure-WorkingSet $target.Id -Seconds 0 -Method Referenced | Where-Object Start -EQ $address
        $screen = $sets | Out-Screen -Width 80
        $screen | Should -Match "Process: $($target.Id) \(dotnet\), Referenced, 0\.\d s"
        $screen | Should -Match ('0x{0:x12} +40 KiB +40 KiB +0 B +0 B +rw-p' -f $address)
        $screen -split "`n" | ForEach-Object { $_.TrimEnd().Length | Should -BeLessOrEqual 80 }
        $back = Start-Job {
            Import-Module "$using:root/MemProc.psd1"
            Measure-WorkingSet $using:target.Id -Seconds 0 -Method Referenced | Where-Object Start -EQ $using:address
            Measure-WorkingSet $using:target.Id -Seconds 0 -Method Referenced -Summary
        } | Receive-Job -Wait -AutoRemoveJob
        ($back[0] | Out-Screen -Width 80) -replace '0\.\d s' | Should -Be ($screen -replace '0\.\d s')
        $back[1] | Out-Screen -Width 80 | Should -Match "$($target.Id) +dotnet +Referenced +0\.\d +[\d.]+ MiB"
    }

    It 'rejects a time of <_>' -ForEach -1, 1e9, 'soon' {
        { Measure-WorkingSet $target.Id -Seconds $_ } | Should -Throw
    }

    It 'completes methods' {
        $line = 'Measure-WorkingSet 1 -Method '
        [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null).
            CompletionMatches.CompletionText | Should -Be 'Auto', 'Idle', 'Referenced'
    }

    It 'stops on Ctrl-C' {
        $shell = [powershell]::Create().AddScript("Import-Module '$PSScriptRoot/../../MemProc.psd1'; '-'
            Measure-WorkingSet $($target.Id) -Seconds 3600")
        $output = [System.Management.Automation.PSDataCollection[psobject]]::new()
        $null = $shell.BeginInvoke([System.Management.Automation.PSDataCollection[psobject]]::new(), $output)
        [System.Threading.SpinWait]::SpinUntil({ $output.Count -gt 0 }, 30000) | Should -BeTrue
        $stopping = $shell.BeginStop($null, $null)
        $stopping.AsyncWaitHandle.WaitOne(30000) | Should -BeTrue
        $shell.InvocationStateInfo.State | Should -Be 'Stopped'
    }
}
