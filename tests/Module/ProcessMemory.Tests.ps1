BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
}

AfterAll {
    Stop-Target
}

Describe 'Read-ProcessMemory' {
    It 'shows both strings of the seed as a dump with real addresses' {
        $block = Read-ProcessMemory $target.Id $seed 8192
        $block | Should -BeOfType MemProc.MemoryBlock
        $block.Bytes.Count | Should -Be 8192
        $block.Length | Should -Be 8192
        $block.Gaps.Count | Should -Be 0
        $screen = $block | Out-Screen
        $screen | Should -Match ('0x{0:x12} 41 42 43 44 45 46 47 48  49 4a 4b 4c 31 32 33 34 ABCDEFGHIJKL1234' -f $seed)
        $screen | Should -Match ('0x{0:x12} 41 41 .* AAAAAAAAAAAAAAAA' -f ($seed + 4096))
    }

    It 'reads bytes, text and numbers' {
        $bytes = Read-ProcessMemory $target.Id $seed 4 -Raw
        , $bytes | Should -BeOfType [byte[]]
        $bytes | Should -Be 65, 66, 67, 68
        Read-ProcessMemory $target.Id ($seed + 4096) 100 -AsString | Should -BeExactly 'AAAAAAAAAAAAAAAAAAABBBBBBBBBBBBCCCCCCCCCCC'
        Read-ProcessMemory $target.Id $seed 4 -AsString -Encoding unicode | Should -BeExactly "`u{4241}`u{4443}"
        $numbers = Read-ProcessMemory $target.Id $seed -Type UInt16 -Count 2
        $numbers | Should -Be 0x4241, 0x4443
        $numbers[0] | Should -BeOfType [uint16]
        Read-ProcessMemory $target.Id $seed -Type Double | Should -BeOfType [double]
        $garlic = $target.Ask('garlic')
        $pointer = Read-ProcessMemory $target.Id $garlic.pointer -Type Pointer
        $pointer | Should -Be $garlic.text
        ($pointer | Out-Screen).Trim() | Should -Be ('0x{0:x}' -f $garlic.text)
        Read-ProcessMemory $target.Id $pointer 16 -AsString | Should -BeExactly 'garlic'
    }

    It 'takes mappings and pages from the pipeline' {
        (Get-ProcMap $target.Id -Address $seed | Read-ProcessMemory).Length | Should -Be 8192
        (Get-PageMapEntry $target.Id $seed -Count 1 | Read-ProcessMemory).Length | Should -Be 4096
        (Read-ProcessMemory $target.Id (Get-ProcMap $target.Id -Address $seed)).Length | Should -Be 8192
    }

    It 'reads the same by <_>' -ForEach 'ProcessVm', 'Mem', 'Auto' {
        $block = Read-ProcessMemory $target.Id $seed 64 -Method $_
        $block.Bytes[0] | Should -Be 65
        $block.Method | Should -Be ($_ -eq 'Auto' ? 'ProcessVm' : $_)
    }

    It 'makes a hole a gap, and with -ReadAll an error' {
        $address = $target.Ask('map 12288 rw- private').address
        $null = $target.Ask("fill $address 12288 1"), $target.Ask("unmap $($address + 4096) 4096")
        $block = Read-ProcessMemory $target.Id $address 12288
        $block.Gaps.Count | Should -Be 1
        $block.Gaps[0].Address | Should -Be ($address + 4096)
        $block.Gaps[0].Length | Should -Be 4096
        $block.Gaps[0].Errno | Should -Be 'EFAULT'
        $block.Gaps[0].Kind | Should -Be 'NotMapped'
        $block | Out-Screen | Should -Match '4 KiB not mapped'
        $id = 'ReadMemory,EFAULT,MemProc.PowerShell.ReadProcessMemoryCommand'
        { Read-ProcessMemory $target.Id $address 12288 -ReadAll -ErrorAction Stop } | Should -Throw -ErrorId $id
        # Forms without room for a gap never show zeros for it.
        { Read-ProcessMemory $target.Id $address 12288 -Raw -ErrorAction Stop } | Should -Throw -ErrorId $id
        { Read-ProcessMemory $target.Id ($address + 4092) -Type Int64 -ErrorAction Stop } | Should -Throw -ErrorId $id
    }

    It 'makes a request of which nothing can be read an error: <address>' -ForEach @(
        @{ address = 0x10; id = 'ReadMemory,EFAULT'; category = 'ReadError' }
        @{ address = 0; id = 'ReadMemory,EFAULT'; category = 'ReadError' }
        @{ address = 0xffffffffff600000; id = 'ReadMemory,EINVAL'; category = 'InvalidArgument' }
        @{ address = 0xffff800000000000; id = 'ReadMemory,EINVAL'; category = 'InvalidArgument' }
    ) {
        $null = Read-ProcessMemory $target.Id $address 16 -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Be "$id,MemProc.PowerShell.ReadProcessMemoryCommand"
        $problem[0].CategoryInfo.Category | Should -Be $category
    }

    It 'asks for a length, and refuses 0, a negative one and one that wraps round' {
        { Read-ProcessMemory $target.Id $seed -ErrorAction Stop } | Should -Throw '*Give -Length*'
        { Read-ProcessMemory $target.Id $seed 0 } | Should -Throw
        { Read-ProcessMemory $target.Id $seed -1 } | Should -Throw
        { Read-ProcessMemory $target.Id $seed ([ulong]::MaxValue) -ErrorAction Stop } | Should -Throw '*wraps round*'
        { Read-ProcessMemory $target.Id $seed 4GB -Raw -ErrorAction Stop } | Should -Throw '*into a file*'
    }

    It 'writes a file of any size, and replaces one with -Force only' {
        $address = $target.Ask('map 3145728 rw- private').address
        $null = $target.Ask("fill $address 3145728 1")
        $path = Join-Path $TestDrive out.bin
        $file = Read-ProcessMemory $target.Id $address 3MB -OutFile $path
        $file | Should -BeOfType MemProc.MemoryFile
        $file.Path | Should -Be $path
        (Get-Item $path).Length | Should -Be 3MB
        $there = [System.IO.File]::ReadAllBytes($path)
        $here = Read-ProcessMemory $target.Id $address 3MB -Raw
        [System.Linq.Enumerable]::SequenceEqual([byte[]] $there, [byte[]] $here) | Should -BeTrue
        { Read-ProcessMemory $target.Id $address 16 -OutFile $path -ErrorAction Stop } | Should -Throw '*-Force*'
        (Get-Item $path).Length | Should -Be 3MB
        $null = Read-ProcessMemory $target.Id $address 16 -OutFile $path -Force
        (Get-Item $path).Length | Should -Be 16
    }

    It 'writes a file for its owner alone, and through no link' {
        $path = Join-Path $TestDrive private.bin
        $null = New-Item $path
        chmod 666 $path
        $null = Read-ProcessMemory $target.Id $seed 16 -OutFile $path -Force
        stat -c %a $path | Should -Be 600
        $link = New-Item -ItemType SymbolicLink -Path (Join-Path $TestDrive link.bin) -Target $path
        foreach ($force in $false, $true) {
            { Read-ProcessMemory $target.Id $seed 32 -OutFile $link -Force:$force -ErrorAction Stop } |
                Should -Throw -ErrorId 'WriteFile,ELOOP,MemProc.PowerShell.ReadProcessMemoryCommand'
        }
        mkfifo (Join-Path $TestDrive fifo)
        { Read-ProcessMemory $target.Id $seed 32 -OutFile (Join-Path $TestDrive fifo) -Force -ErrorAction Stop } |
            Should -Throw -ErrorId 'WriteFile,EINVAL,MemProc.PowerShell.ReadProcessMemoryCommand'
        (Get-Item $path).Length | Should -Be 16
        (Get-Item $link).LinkTarget | Should -Be $path
        Get-ChildItem $TestDrive -Force -Filter *.partial | Should -BeNullOrEmpty
    }

    It 'takes one range for a file, not the last of several' {
        $path = Join-Path $TestDrive several.bin
        $file = $seed, ($seed + 4096) | ForEach-Object { [pscustomobject] @{ Address = $_ } } |
            Read-ProcessMemory -Id $target.Id -Length 16 -OutFile $path -Force -ErrorVariable problem `
                -ErrorAction SilentlyContinue
        $file.Address | Should -Be $seed
        $problem[0].FullyQualifiedErrorId | Should -Be 'ReadMemory,EEXIST,MemProc.PowerShell.ReadProcessMemoryCommand'
        Get-Content $path -AsByteStream -TotalCount 3 | Should -Be 65, 66, 67
    }

    It 'reads a text that ends before the mapping does' {
        $address = $target.Ask('map 4096 rw- private').address
        Write-ProcessMemory $target.Id ($address + 4090) -Text "end`0" -Confirm:$false
        Read-ProcessMemory $target.Id ($address + 4090) 256 -AsString | Should -BeExactly 'end'
        Write-ProcessMemory $target.Id ($address + 4090) -Text 'no end' -Confirm:$false
        { Read-ProcessMemory $target.Id ($address + 4090) 256 -AsString -ErrorAction Stop } |
            Should -Throw -ErrorId 'ReadMemory,EFAULT,MemProc.PowerShell.ReadProcessMemoryCommand'
    }

    It 'leaves no file behind where nothing could be read' {
        $path = Join-Path $TestDrive nothing.bin
        { Read-ProcessMemory $target.Id 0x10 16 -OutFile $path -ErrorAction Stop } | Should -Throw
        Test-Path $path | Should -BeFalse
    }

    It 'keeps control characters of a text from the terminal, and the text as it is' {
        $address = $target.Ask('map 4096 rw- private').address
        Write-ProcessMemory $target.Id $address -Text "`e[31mred" -Confirm:$false
        $text = Read-ProcessMemory $target.Id $address 16 -AsString
        $text | Should -BeExactly "`e[31mred"
        ($text | Out-String).Trim() | Should -Be '\x1b[31mred'
        Read-ProcessMemory $target.Id $address 16 | Out-String | Should -Not -Match "`e\[31mred"
    }

    It 'goes on after a dead process' {
        $dead = Start-Target
        $dead.Kill()
        $blocks = Read-ProcessMemory $dead.Id, $target.Id $seed 16 -ErrorVariable problem -ErrorAction SilentlyContinue
        $blocks.ProcessId | Should -Be $target.Id
        $problem[0].FullyQualifiedErrorId | Should -Be 'OpenProcess,ESRCH,MemProc.PowerShell.ReadProcessMemoryCommand'
    }

    It 'looks the same from a job' {
        $root = Resolve-Path $PSScriptRoot/../..
        $back = Start-Job { Import-Module "$using:root/MemProc.psd1"; Read-ProcessMemory $using:target.Id $using:seed 48 } |
            Receive-Job -Wait -AutoRemoveJob
        ($back | Out-Screen).Trim() | Should -Be (Read-ProcessMemory $target.Id $seed 48 | Out-Screen).Trim()
    }

    It 'completes encodings' {
        $line = 'Read-ProcessMemory 1 0x10 4 -AsString -Encoding uni'
        [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null).
            CompletionMatches.CompletionText | Should -Contain 'unicode'
    }
}

Describe 'Write-ProcessMemory' {
    BeforeEach {
        $garlic = $target.Ask('garlic')
    }

    It 'changes garlic to hello, and the target says so itself' {
        $write = Write-ProcessMemory $target.Id $garlic.text -Text "hello`0" -Expected ([byte[]][char[]] 'garlic') -Verify `
            -PassThru -Confirm:$false
        $target.Ask("say $($garlic.text)").text | Should -Be 'hello'
        $write | Should -BeOfType MemProc.MemoryWrite
        [System.Text.Encoding]::ASCII.GetString($write.PreviousBytes) | Should -Be 'garlic'
        $write.IsVerified | Should -BeTrue
        $write.Length | Should -Be 6
        # Without -PassThru nothing comes out.
        Write-ProcessMemory $target.Id $garlic.text -Text 'g' -Confirm:$false | Should -BeNullOrEmpty
    }

    It 'writes nothing with -WhatIf, and says exactly what and where' {
        $said = pwsh -NoProfile -NonInteractive -Command "Import-Module '$PSScriptRoot/../../MemProc.psd1'
            Write-ProcessMemory $($target.Id) $($garlic.text) -Text hello -WhatIf" | Out-String
        $said | Should -Match 'What if: Write 5 bytes at 0x[0-9a-f]+ of process \d+ \(dotnet\), mapping .*rw-p'
        $said | Should -Match ([regex]::Escape('67 61 72 6c 69 |garli| becomes 68 65 6c 6c 6f |hello|'))
        $target.Ask("say $($garlic.text)").text | Should -Be 'garlic'
    }

    It 'asks before it writes' {
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

    It 'refuses <name>' -ForEach @(
        @{ name = 'other bytes than expected'; arguments = @{ Text = 'x'; Expected = [byte[]] (1, 2) }
            id = 'CompareMemory,EAGAIN'; category = 'InvalidData' }
        @{ name = 'a hole'; arguments = @{ Text = 'x'; Address = 0x10 }; id = 'WriteMemory,EFAULT'; category = 'WriteError' }
        @{ name = 'the kernel half'; arguments = @{ Text = 'x'; Address = 0xffff800000000000 }
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
