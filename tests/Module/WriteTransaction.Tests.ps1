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

Describe 'Write-ProcessMemory, several writes' {
    BeforeEach {
        $seed = $target.Ask('seed').address
    }

    It 'takes bytes, text and values with -Change' {
        $writes = Write-ProcessMemory $target.Id -Verify -PassThru -Confirm:$false -Change @(
            @{ Address = $seed; Text = 'hello'; Expected = 65, 66 }
            @{ address = '0x{0:x}' -f ($seed + 6); Bytes = 0x2a }
            [pscustomobject] @{ Start = $seed + 8; Value = 0x4142, 0x4344; Type = 'Int16'; Other = 1 }
            @{ Address = $seed + 13; Bytes = '2a 2A'; Text = '' })
        & $text | Should -BeExactly 'helloF*HBADC1**4'
        $writes.Count | Should -Be 4
        $writes | ForEach-Object Address | Should -Be $seed, ($seed + 6), ($seed + 8), ($seed + 13)
        $writes.IsVerified | Should -Not -Contain $false
        Write-ProcessMemory $target.Id -Change @{ Address = $seed; Text = 'é'; Encoding = 'unicode' } -Confirm:$false
        $raw = Read-ProcessMemory $target.Id $seed 2 -Raw
        $raw | Should -Be 0xe9, 0
    }

    It 'takes rows of a CSV file' {
        $changes = "Address,Text,Value,Type`n$seed,hi,,`n$($seed + 4),,7,Byte" | ConvertFrom-Csv
        Write-ProcessMemory $target.Id -Change $changes -Confirm:$false
        & $text | Should -BeExactly "hiCD`aFGHIJKL1234"
    }

    It 'writes none where <name>' -ForEach @(
        @{ name = 'other bytes are there'; change = @{ Text = 'x'; Expected = 1 }; offset = 8; id = 'CompareMemory,EAGAIN' }
        @{ name = 'nothing is mapped'; change = @{ Text = 'x' }; offset = 8192; id = 'WriteMemory,EFAULT' }
        @{ name = 'two overlap'; change = @{ Text = 'x' }; offset = 2; id = 'WriteMemory,EINVAL' }
    ) {
        $last = $change + @{ Address = $seed + $offset }
        { Write-ProcessMemory $target.Id -Change @{ Address = $seed; Text = 'hello' }, $last -Confirm:$false -ErrorAction Stop } |
            Should -Throw -ErrorId (& $refused $id)
        & $text | Should -BeExactly 'ABCDEFGHIJKL1234'
    }

    It 'refuses a change with <name>' -ForEach @(
        @{ name = 'a misspelt key'; change = @{ Address = 0x1000; Text = 'x'; Expectd = 1 }; message = "*Change 1*'Expectd'*" }
        @{ name = 'no address'; change = @{ Text = 'x' }; message = '*Address*' }
        @{ name = 'nothing to write'; change = @{ Address = 0x1000 }; message = '*one of*' }
        @{ name = 'two things to write'; change = @{ Address = 0x1000; Text = 'x'; Bytes = 1 }; message = '*one of*' }
        @{ name = 'a value without type'; change = @{ Address = 0x1000; Value = 1 }; message = '*Type*' }
        @{ name = 'a value that does not fit'; change = @{ Address = 0x1000; Value = 0xffffffff; Type = 'UInt32' }; message = '*quotes*' }
        @{ name = 'bytes that are none'; change = @{ Address = 0x1000; Bytes = 300 }; message = '*Change 1*' }
    ) {
        { Write-ProcessMemory $target.Id -Change $change -Confirm:$false } | Should -Throw $message
    }

    It 'says all of it with -WhatIf, in one question' {
        $said = pwsh -NoProfile -NonInteractive -Command "Import-Module '$PSScriptRoot/../../MemProc.psd1'
            Write-ProcessMemory $($target.Id) -Stop -WhatIf -Change @{ Address = $seed; Text = 'x' },
                @{ Address = $seed + 2; Text = 'y' }" | Out-String
        ([regex] 'What if').Matches($said).Count | Should -Be 1
        $said | Should -Match 'Write 2 places of process \d+ \(dotnet\), stopped meanwhile, all or none:'
        $said | Should -Match ([regex]::Escape('41 |A| becomes 78 |x|'))
        $said | Should -Match ([regex]::Escape('43 |C| becomes 79 |y|'))
        & $text | Should -BeExactly 'ABCDEFGHIJKL1234'
    }

    It 'writes objects one by one, and with -Transaction all or none' {
        $places = $seed, ($seed + 8192), ($seed + 4) |
            ForEach-Object { [pscustomobject] @{ ProcessId = $target.Id; Address = $_; Bytes = [byte[]] (1, 2); Value = 3 } }
        $places | Write-ProcessMemory -Value 42 -Type Byte -Confirm:$false -ErrorVariable problem -ErrorAction SilentlyContinue
        & $text | Should -BeExactly '*BCD*FGHIJKL1234'
        $problem.FullyQualifiedErrorId | Should -Be (& $refused 'WriteMemory,EFAULT')

        $seed = $target.Ask('seed').address
        $places = $seed, ($seed + 8192), ($seed + 4) |
            ForEach-Object { [pscustomobject] @{ ProcessId = $target.Id; Address = $_ } }
        $places | Write-ProcessMemory -Text 'xy' -Transaction -Confirm:$false -ErrorVariable problem -ErrorAction SilentlyContinue
        & $text | Should -BeExactly 'ABCDEFGHIJKL1234'
        $problem.FullyQualifiedErrorId | Should -Be (& $refused 'WriteMemory,EFAULT')
        $writes = $places[0, 2] | Write-ProcessMemory -Text 'xy' -Transaction -Stop -PassThru -Confirm:$false
        & $text | Should -BeExactly 'xyCDxyGHIJKL1234'
        $writes | ForEach-Object Address | Should -Be $seed, ($seed + 4)
    }

    It 'does the other processes where one has ended' {
        $dead = Start-Target
        $there = $dead.Ask('seed').address
        $places = [pscustomobject] @{ Id = $dead.Id; Address = $there }, [pscustomobject] @{ Id = $target.Id; Address = $seed }
        $places | ForEach-Object { $_; $dead.Kill() } |
            Write-ProcessMemory -Text 'x' -Transaction -Confirm:$false -ErrorVariable problem -ErrorAction SilentlyContinue
        & $text | Should -BeExactly 'xBCDEFGHIJKL1234'
        $problem.FullyQualifiedErrorId | Should -Be (& $refused 'OpenProcess,ESRCH')
    }

    It 'holds the process with -Stop, and lets it run on' {
        $address = $target.Ask('map 4096 rw- private').address
        $null = $target.Ask("spin $address")
        $write = Write-ProcessMemory $target.Id $address -Value 0 -Type Int64 -Stop -Verify -PassThru -Confirm:$false
        $write.IsVerified | Should -BeTrue
        $null = $target.Ask('still')
        { Write-ProcessMemory -Address $address -Text x -Stop -Confirm:$false -ErrorAction Stop } | Should -Throw
    }
}

Describe 'Undo-ProcessMemoryWrite' {
    BeforeEach {
        $seed = $target.Ask('seed').address
        $writes = Write-ProcessMemory $target.Id -PassThru -Confirm:$false -Change @{ Address = $seed; Text = 'hello' },
            @{ Address = $seed + 8; Text = 'world' }
    }

    It 'puts back what was there, and that can be undone too' {
        $undone = $writes | Undo-ProcessMemoryWrite -Stop -Verify -PassThru -Confirm:$false
        & $text | Should -BeExactly 'ABCDEFGHIJKL1234'
        $undone | Should -BeOfType MemProc.MemoryWrite
        $undone | ForEach-Object Address | Should -Be ($seed + 8), $seed
        Undo-ProcessMemoryWrite $undone -Confirm:$false | Should -BeNullOrEmpty
        & $text | Should -BeExactly 'helloFGHworld234'
    }

    It 'asks before it writes, and says all of it' {
        $attribute = (Get-Command Undo-ProcessMemoryWrite).ImplementingType.GetCustomAttributes(
            [System.Management.Automation.CmdletAttribute], $false)
        $attribute.ConfirmImpact | Should -Be 'High'
        $path = Join-Path $TestDrive asks.xml
        $writes | Export-Clixml $path
        $said = pwsh -NoProfile -NonInteractive -Command "Import-Module '$PSScriptRoot/../../MemProc.psd1'
            Import-Clixml $path | Undo-ProcessMemoryWrite -WhatIf; Import-Clixml $path | Undo-ProcessMemoryWrite" 2>&1 | Out-String
        $said | Should -Match 'What if: Put back 2 places of process'
        $said | Should -Match ([regex]::Escape('77 6f 72 6c 64 |world| becomes 49 4a 4b 4c 31 |IJKL1|'))
        & $text | Should -BeExactly 'helloFGHworld234'
    }

    It 'refuses all where bytes have changed since' {
        Write-ProcessMemory $target.Id ($seed + 1) -Text E -Confirm:$false
        $problem = { $writes | Undo-ProcessMemoryWrite -Confirm:$false -ErrorAction Stop } | Should -Throw -PassThru
        $problem.FullyQualifiedErrorId | Should -Be (& $refused 'CompareMemory,EAGAIN' 'Undo')
        $problem.CategoryInfo.Category | Should -Be 'InvalidData'
        & $text | Should -BeExactly 'hElloFGHworld234'
    }

    It 'refuses another process with the same number' {
        $other = $writes | Select-Object *
        $other | ForEach-Object { $_.ProcessStartTicks -= 1 }
        $problem = { $other | Undo-ProcessMemoryWrite -Confirm:$false -ErrorAction Stop } | Should -Throw -PassThru
        $problem.FullyQualifiedErrorId | Should -Be (& $refused 'OpenProcess,ESRCH' 'Undo')
        & $text | Should -BeExactly 'helloFGHworld234'
    }

    It 'takes writes from a job' {
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

    It 'takes writes from a file of <_>' -ForEach 'XML', 'JSON' {
        $path = Join-Path $TestDrive writes
        if ($_ -eq 'XML') {
            $writes | Export-Clixml $path
            $kept = Import-Clixml $path
        }
        else {
            # As memproc write --json has them.
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

    It 'puts back by force what was written by force' {
        $null = $target.Ask("protect $seed 8192 r--")
        $forced = Write-ProcessMemory $target.Id $seed -Text HELLO -Force -PassThru -Confirm:$false
        ($forced | Undo-ProcessMemoryWrite -PassThru -Confirm:$false).Method | Should -Be 'Mem'
        & $text | Should -BeExactly 'helloFGHworld234'
        { $writes | Undo-ProcessMemoryWrite -Confirm:$false -ErrorAction Stop } |
            Should -Throw -ErrorId (& $refused 'WriteMemory,EACCES' 'Undo')
    }

    It 'touches nothing where one of the objects is <name>' -ForEach @(
        @{ name = 'no write'; change = { [pscustomobject] @{ Address = 1 } } }
        @{ name = 'a write without its bytes'; change = { $one.Bytes = $null; $one } }
        @{ name = 'a write of as many bytes as there were not'; change = { $one.PreviousBytes = [byte[]] (1, 2); $one } }
    ) {
        $one = $writes[1] | Select-Object *
        $problem = { $writes[0], (& $change) | Undo-ProcessMemoryWrite -Confirm:$false } | Should -Throw -PassThru
        $problem.FullyQualifiedErrorId | Should -Be (& $refused 'InputObject,EINVAL' 'Undo')
        & $text | Should -BeExactly 'helloFGHworld234'
    }
}
