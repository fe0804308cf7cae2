BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $text = { [System.Text.Encoding]::ASCII.GetString((Read-ProcessMemory $target.Id $seed 16 -Raw)) }
    $refused = { param($id, $cmdlet = 'Write') "$id,MemProc.PowerShell.$($cmdlet)ProcessMemory$($cmdlet -eq 'Undo' ? 'Write' : '')Command" }
}

AfterAll {
    Stop-Target
}

Describe 'Undo-ProcessMemoryWrite' {
    BeforeEach {
        $seed = $target.Ask('seed').address
        $writes = Write-ProcessMemory $target.Id -PassThru -Confirm:$false -Change @{ Address = $seed; Text = 'hello' },
            @{ Address = $seed + 8; Text = 'world' }
    }

    It 'restores the previous bytes, and the undo can be undone' {
        $undone = $writes | Undo-ProcessMemoryWrite -Stop -Verify -PassThru -Confirm:$false
        & $text | Should -BeExactly 'ABCDEFGHIJKL1234'
        $undone | Should -BeOfType MemProc.MemoryWrite
        $undone | ForEach-Object Address | Should -Be ($seed + 8), $seed
        Undo-ProcessMemoryWrite $undone -Confirm:$false | Should -BeNullOrEmpty
        & $text | Should -BeExactly 'helloFGHworld234'
    }

    It 'asks for confirmation, and shows every write' {
        $attribute = (Get-Command Undo-ProcessMemoryWrite).ImplementingType.GetCustomAttributes(
            [System.Management.Automation.CmdletAttribute], $false)
        $attribute.ConfirmImpact | Should -Be 'High'
        $path = Join-Path $TestDrive asks.xml
        $writes | Export-Clixml $path
        $shown = pwsh -NoProfile -NonInteractive -Command "Import-Module '$PSScriptRoot/../../MemProc.psd1'
            Import-Clixml $path | Undo-ProcessMemoryWrite -WhatIf; Import-Clixml $path | Undo-ProcessMemoryWrite" 2>&1 | Out-String
        $shown | Should -Match 'What if: Put back 2 places of process'
        $shown | Should -Match ([regex]::Escape('77 6f 72 6c 64 |world| becomes 49 4a 4b 4c 31 |IJKL1|'))
        & $text | Should -BeExactly 'helloFGHworld234'
    }

    It 'rejects the whole undo if bytes have changed since' {
        Write-ProcessMemory $target.Id ($seed + 1) -Text E -Confirm:$false
        $problem = { $writes | Undo-ProcessMemoryWrite -Confirm:$false -ErrorAction Stop } | Should -Throw -PassThru
        $problem.FullyQualifiedErrorId | Should -Be (& $refused 'CompareMemory,EAGAIN' 'Undo')
        $problem.CategoryInfo.Category | Should -Be 'InvalidData'
        & $text | Should -BeExactly 'hElloFGHworld234'
    }

    It 'rejects another process with the same id' {
        $other = $writes | Select-Object *
        $other | ForEach-Object { $_.ProcessStartTicks -= 1 }
        $problem = { $other | Undo-ProcessMemoryWrite -Confirm:$false -ErrorAction Stop } | Should -Throw -PassThru
        $problem.FullyQualifiedErrorId | Should -Be (& $refused 'OpenProcess,ESRCH' 'Undo')
        & $text | Should -BeExactly 'helloFGHworld234'
    }

    It 'accepts writes from a job' {
        $root = Resolve-Path $PSScriptRoot/../..
        $back = Start-Job {
            Import-Module "$using:root/MemProc.psd1"
            Write-ProcessMemory $using:target.Id ($using:seed + 5) -Text '---' -PassThru -Confirm:$false
        } | Receive-Job -Wait -AutoRemoveJob
        & $text | Should -BeExactly 'hello---world234'
        ($back | Out-Screen) | Should -Match '2d 2d 2d \|---\|'
        $back | Undo-ProcessMemoryWrite -Confirm:$false
        & $text | Should -BeExactly 'helloFGHworld234'
    }

    It 'accepts writes from a file of <_>' -ForEach 'XML', 'JSON' {
        $path = Join-Path $TestDrive writes
        if ($_ -eq 'XML') {
            $writes | Export-Clixml $path
            $kept = Import-Clixml $path
        }
        else {
            # In the format of memproc write --json.
            $kept = $writes | ForEach-Object {
                @{
                    processId = $_.ProcessId; processStartTicks = $_.ProcessStartTicks; address = '0x{0:x}' -f $_.Address
                    previousBytes = [Convert]::ToHexStringLower($_.PreviousBytes); bytes = [Convert]::ToHexStringLower($_.Bytes)
                    method = 'process-vm'; path = ''
                } | ConvertTo-Json | ConvertFrom-Json
            }
        }

        $kept | Undo-ProcessMemoryWrite -Confirm:$false
        & $text | Should -BeExactly 'ABCDEFGHIJKL1234'
    }

    It 'restores with -Force what was written with -Force' {
        $null = $target.Ask("protect $seed 8192 r--")
        $forced = Write-ProcessMemory $target.Id $seed -Text HELLO -Force -PassThru -Confirm:$false
        ($forced | Undo-ProcessMemoryWrite -PassThru -Confirm:$false).Method | Should -Be 'Mem'
        & $text | Should -BeExactly 'helloFGHworld234'
        { $writes | Undo-ProcessMemoryWrite -Confirm:$false -ErrorAction Stop } |
            Should -Throw -ErrorId (& $refused 'WriteMemory,EACCES' 'Undo')
    }

    It 'writes nothing if one of the objects is <name>' -ForEach @(
        @{ name = 'not a write'; change = { [pscustomobject] @{ Address = 1 } } }
        @{ name = 'a write without its bytes'; change = { $one.Bytes = $null; $one } }
        @{ name = 'a write with a different number of previous bytes'; change = { $one.PreviousBytes = [byte[]] (1, 2); $one } }
    ) {
        $one = $writes[1] | Select-Object *
        $problem = { $writes[0], (& $change) | Undo-ProcessMemoryWrite -Confirm:$false } | Should -Throw -PassThru
        $problem.FullyQualifiedErrorId | Should -Be (& $refused 'InputObject,EINVAL' 'Undo')
        & $text | Should -BeExactly 'helloFGHworld234'
    }

    It 'accepts writes from a CSV file' {
        $path = Join-Path $TestDrive writes.csv
        $writes | Export-Csv $path
        Import-Csv $path | Undo-ProcessMemoryWrite -Confirm:$false
        & $text | Should -BeExactly 'ABCDEFGHIJKL1234'
    }

    It 'undoes the last writes of the session without objects' {
        Write-ProcessMemory $target.Id ($seed + 5) -Text '---' -Confirm:$false
        Undo-ProcessMemoryWrite -Last -Confirm:$false
        & $text | Should -BeExactly 'helloFGHworld234'
        # Two places that were written together are undone together, and those undone are not undone again.
        Write-ProcessMemory $target.Id $seed -Text 'H' -Confirm:$false
        (Undo-ProcessMemoryWrite -Last 2 -PassThru -Confirm:$false).Count | Should -Be 3
        & $text | Should -BeExactly 'ABCDEFGHIJKL1234'
    }

    It 'forgets writes that were undone by their objects, and those of other sessions' {
        # A session of its own, without the writes of the other tests. Thread jobs take whole variables only.
        $id, $place, $folder = $target.Id, ($seed + 5), $PSScriptRoot
        $answers = Start-ThreadJob {
            Import-Module "$using:folder/../../MemProc.psd1"
            $arguments = @{ Confirm = $false; ErrorAction = 'SilentlyContinue'; ErrorVariable = 'problems' }
            Undo-ProcessMemoryWrite -Last @arguments
            $problems.FullyQualifiedErrorId
            Write-ProcessMemory $using:id $using:place -Text '---' -PassThru -Confirm:$false |
                Undo-ProcessMemoryWrite -Confirm:$false
            Undo-ProcessMemoryWrite -Last @arguments
            $problems.FullyQualifiedErrorId
            Write-ProcessMemory $using:id $using:place -Text '---' -Confirm:$false
            (Undo-ProcessMemoryWrite -Last -PassThru @arguments).Address
        } | Receive-Job -Wait -AutoRemoveJob
        $none = & $refused 'RestoreMemory,ENOENT' 'Undo'
        $answers | Should -Be $none, $none, $place
        & $text | Should -BeExactly 'helloFGHworld234'
    }
}
