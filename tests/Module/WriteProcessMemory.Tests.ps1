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

Describe 'Write-ProcessMemory' {
    BeforeEach {
        $garlic = $target.Ask('garlic')
    }

    It 'changes garlic to hello in the target' {
        $write = Write-ProcessMemory $target.Id $garlic.text -Text "hello`0" -Expected ([byte[]][char[]] 'garlic') -Verify `
            -PassThru -Confirm:$false
        $target.Ask("say $($garlic.text)").text | Should -Be 'hello'
        $write | Should -BeOfType MemProc.MemoryWrite
        [System.Text.Encoding]::ASCII.GetString($write.PreviousBytes) | Should -Be 'garlic'
        $write.IsVerified | Should -BeTrue
        $write.Length | Should -Be 6
        # Without -PassThru there is no output.
        Write-ProcessMemory $target.Id $garlic.text -Text 'g' -Confirm:$false | Should -BeNullOrEmpty
    }

    It 'writes nothing with -WhatIf, and shows exactly what it would write and where' {
        $shown = pwsh -NoProfile -NonInteractive -Command "Import-Module '$PSScriptRoot/../../MemProc.psd1'
            Write-ProcessMemory $($target.Id) $($garlic.text) -Text hello -WhatIf" | Out-String
        $shown | Should -Match 'What if: Write 5 bytes at 0x[0-9a-f]+ of process \d+ \(dotnet\), mapping .*rw-p'
        $shown | Should -Match ([regex]::Escape('67 61 72 6c 69 |garli| becomes 68 65 6c 6c 6f |hello|'))
        $target.Ask("say $($garlic.text)").text | Should -Be 'garlic'
    }

    It 'asks for confirmation' {
        $command = Get-Command Write-ProcessMemory
        $attribute = $command.ImplementingType.GetCustomAttributes([System.Management.Automation.CmdletAttribute], $false)
        $attribute.ConfirmImpact | Should -Be 'High'
        $attribute.SupportsShouldProcess | Should -BeTrue
        { pwsh -NoProfile -NonInteractive -Command "Import-Module '$PSScriptRoot/../../MemProc.psd1'
            Write-ProcessMemory $($target.Id) $($garlic.text) -Text hello" 2>&1 } | Should -Not -Throw
        $target.Ask("say $($garlic.text)").text | Should -Be 'garlic'
    }

    It 'writes bytes and values' {
        Write-ProcessMemory $target.Id $garlic.text 0x68, 0x69, 0 -Confirm:$false
        $target.Ask("say $($garlic.text)").text | Should -Be 'hi'
        Write-ProcessMemory $target.Id $garlic.text -Value 1, -2 -Type Int16 -Confirm:$false
        $target.Ask("peek $($garlic.text) 4").bytes | Should -Be '0100feff'
        Write-ProcessMemory $target.Id $garlic.pointer -Value ($garlic.text + 1) -Type Pointer -Confirm:$false
        Read-ProcessMemory $target.Id $garlic.pointer -Type Pointer | Should -Be ($garlic.text + 1)
    }

    It 'rejects <name>' -ForEach @(
        @{ name = 'other bytes than expected'; arguments = @{ Text = 'x'; Expected = [byte[]] (1, 2) }
            id = 'CompareMemory,EAGAIN'; category = 'InvalidData' }
        @{ name = 'a hole'; arguments = @{ Text = 'x'; Address = 0x10 }; id = 'WriteMemory,EFAULT'; category = 'WriteError' }
        @{ name = 'a kernel address'; arguments = @{ Text = 'x'; Address = 0xffff800000000000 }
            id = 'WriteMemory,EINVAL'; category = 'InvalidArgument' }
        @{ name = 'a value that does not fit'; arguments = @{ Value = 300; Type = 'Byte' }
            id = 'Value,EINVAL'; category = 'InvalidArgument' }
    ) {
        $call = @{ Id = $target.Id; Address = $garlic.text; Confirm = $false; ErrorAction = 'Stop' }
        foreach ($key in $arguments.Keys) {
            $call[$key] = $arguments[$key]
        }

        $problem = { Write-ProcessMemory @call } | Should -Throw -PassThru
        $problem.FullyQualifiedErrorId | Should -Be "$id,MemProc.PowerShell.WriteProcessMemoryCommand"
        $problem.CategoryInfo.Category | Should -Be $category
        $target.Ask("say $($garlic.text)").text | Should -Be 'garlic'
    }

    It 'writes read-only pages with -Force only' {
        $address = $target.Ask('seed').address
        $null = $target.Ask("protect $address 8192 r--")
        { Write-ProcessMemory $target.Id $address -Text hello -Confirm:$false -ErrorAction Stop } |
            Should -Throw -ErrorId 'WriteMemory,EACCES,MemProc.PowerShell.WriteProcessMemoryCommand'
        $write = Write-ProcessMemory $target.Id $address -Text "hello`0" -Force -PassThru -Confirm:$false
        $write.Method | Should -Be 'Mem'
        $target.Ask("say $address").text | Should -Be 'hello'
    }

    It 'writes nothing across a hole' {
        $address = $target.Ask('map 12288 rw- private').address
        $null = $target.Ask("touch $address 3"), $target.Ask("unmap $($address + 4096) 4096")
        { Write-ProcessMemory $target.Id ($address + 4094) -Text hello -Confirm:$false -ErrorAction Stop } |
            Should -Throw -ErrorId 'WriteMemory,EFAULT,MemProc.PowerShell.WriteProcessMemoryCommand'
        $target.Ask("peek $($address + 4094) 2").bytes | Should -Be '0000'
    }
}

Describe 'Write-ProcessMemory, several writes' {
    BeforeEach {
        $seed = $target.Ask('seed').address
    }

    It 'accepts bytes, text and values with -Change' {
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

    It 'accepts rows of a CSV file' {
        $changes = "Address,Text,Value,Type`n$seed,hi,,`n$($seed + 4),,7,Byte" | ConvertFrom-Csv
        Write-ProcessMemory $target.Id -Change $changes -Confirm:$false
        & $text | Should -BeExactly "hiCD`aFGHIJKL1234"
    }

    It 'writes nothing if <name>' -ForEach @(
        @{ name = 'the current bytes differ'; change = @{ Text = 'x'; Expected = 1 }; offset = 8; id = 'CompareMemory,EAGAIN' }
        @{ name = 'nothing is mapped'; change = @{ Text = 'x' }; offset = 8192; id = 'WriteMemory,EFAULT' }
        @{ name = 'two changes overlap'; change = @{ Text = 'x' }; offset = 2; id = 'WriteMemory,EINVAL' }
    ) {
        $last = $change + @{ Address = $seed + $offset }
        { Write-ProcessMemory $target.Id -Change @{ Address = $seed; Text = 'hello' }, $last -Confirm:$false -ErrorAction Stop } |
            Should -Throw -ErrorId (& $refused $id)
        & $text | Should -BeExactly 'ABCDEFGHIJKL1234'
    }

    It 'rejects a change with <name>' -ForEach @(
        @{ name = 'a misspelt key'; change = @{ Address = 0x1000; Text = 'x'; Expectd = 1 }; message = "*Change 1*'Expectd'*" }
        @{ name = 'no address'; change = @{ Text = 'x' }; message = '*Address*' }
        @{ name = 'nothing to write'; change = @{ Address = 0x1000 }; message = '*one of*' }
        @{ name = 'two things to write'; change = @{ Address = 0x1000; Text = 'x'; Bytes = 1 }; message = '*one of*' }
        @{ name = 'a value without type'; change = @{ Address = 0x1000; Value = 1 }; message = '*Type*' }
        @{ name = 'a value that does not fit'; change = @{ Address = 0x1000; Value = 0xffffffff; Type = 'UInt32' }; message = '*quotes*' }
        @{ name = 'invalid bytes'; change = @{ Address = 0x1000; Bytes = 300 }; message = '*Change 1*' }
    ) {
        { Write-ProcessMemory $target.Id -Change $change -Confirm:$false } | Should -Throw $message
    }

    It 'shows all changes with -WhatIf, in one message' {
        $shown = pwsh -NoProfile -NonInteractive -Command "Import-Module '$PSScriptRoot/../../MemProc.psd1'
            Write-ProcessMemory $($target.Id) -Stop -WhatIf -Change @{ Address = $seed; Text = 'x' },
                @{ Address = $seed + 2; Text = 'y' }" | Out-String
        ([regex] 'What if').Matches($shown).Count | Should -Be 1
        $shown | Should -Match 'Write 2 places of process \d+ \(dotnet\), stopped meanwhile, all or none:'
        $shown | Should -Match ([regex]::Escape('41 |A| becomes 78 |x|'))
        $shown | Should -Match ([regex]::Escape('43 |C| becomes 79 |y|'))
        & $text | Should -BeExactly 'ABCDEFGHIJKL1234'
    }

    It 'writes objects one by one, and all or none with -Transaction' {
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

    It 'writes to the other processes if one has exited' {
        $dead = Start-Target
        $there = $dead.Ask('seed').address
        $places = [pscustomobject] @{ Id = $dead.Id; Address = $there }, [pscustomobject] @{ Id = $target.Id; Address = $seed }
        $places | ForEach-Object { $_; $dead.Kill() } |
            Write-ProcessMemory -Text 'x' -Transaction -Confirm:$false -ErrorVariable problem -ErrorAction SilentlyContinue
        & $text | Should -BeExactly 'xBCDEFGHIJKL1234'
        $problem.FullyQualifiedErrorId | Should -Be (& $refused 'OpenProcess,ESRCH')
    }

    It 'stops the process with -Stop, and resumes it' {
        $address = $target.Ask('map 4096 rw- private').address
        $null = $target.Ask("spin $address")
        $write = Write-ProcessMemory $target.Id $address -Value 0 -Type Int64 -Stop -Verify -PassThru -Confirm:$false
        $write.IsVerified | Should -BeTrue
        $null = $target.Ask('still')
        { Write-ProcessMemory -Address $address -Text x -Stop -Confirm:$false -ErrorAction Stop } | Should -Throw
    }

    It 'names -Force where a write must be forced, and only there' {
        $closed = $target.Ask('map 4096 r-- private').address
        $shared = $target.Ask('map 4096 r-- shared').address
        Write-ProcessMemory $target.Id $closed -Bytes 1 -Confirm:$false -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].Exception.Message | Should -Match 'Use -Force to do it\.$'
        Write-ProcessMemory $target.Id $shared -Bytes 1 -Confirm:$false -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].Exception.Message | Should -Not -Match '-Force'
    }

    It 'prompts with numbers where numbers are written, and with the name of the mapping' {
        $shown = Invoke-OtherPwsh -Script "
            Write-ProcessMemory $($target.Id) $seed -Value 5 -Type Int16 -WhatIf
            Write-ProcessMemory $($target.Id) $seed -Value 0x10 -Type Pointer -WhatIf
            Write-ProcessMemory $($target.Id) $seed -Bytes '05 00' -WhatIf"
        $shown[0] | Should -Match 'mapping anonymous rw-p: 16961 becomes 5$'
        $shown[1] | Should -Match ': 0x[0-9a-f]+ becomes 0x10$'
        $shown[2] | Should -Match ': 41 42 \|AB\| becomes 05 00 \|\.\.\|$'
        & $text | Should -BeExactly 'ABCDEFGHIJKL1234'
    }

    It 'takes bytes as text, as Search-ProcessMemory does' {
        Write-ProcessMemory $target.Id $seed -Bytes '2a 2A' -Expected '41 42' -Confirm:$false
        & $text | Should -BeExactly '**CDEFGHIJKL1234'
        { Write-ProcessMemory $target.Id $seed -Bytes '5' -Confirm:$false } | Should -Throw '*two digits for each byte*'
    }
}
