BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
    $garlic = $target.Ask('garlic')
    $command = 'MemProc.PowerShell.ReadProcessMemoryCommand'
}

AfterAll {
    Stop-Target
}

Describe 'Read-ProcessMemory' {
    It 'shows both strings as a dump with real addresses' {
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

    It 'accepts mappings and pages from the pipeline' {
        (Get-ProcMap $target.Id -Address $seed | Read-ProcessMemory).Length | Should -Be 8192
        (Get-PageMapEntry $target.Id $seed -Count 1 | Read-ProcessMemory).Length | Should -Be 4096
        (Read-ProcessMemory $target.Id (Get-ProcMap $target.Id -Address $seed)).Length | Should -Be 8192
    }

    It 'reads the same with method <_>' -ForEach 'ProcessVm', 'Mem', 'Auto' {
        $block = Read-ProcessMemory $target.Id $seed 64 -Method $_
        $block.Bytes[0] | Should -Be 65
        $block.Method | Should -Be ($_ -eq 'Auto' ? 'ProcessVm' : $_)
    }

    It 'returns a hole as a gap, and as an error with -ReadAll' {
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
        # Output forms without gaps never show zeros for one.
        { Read-ProcessMemory $target.Id $address 12288 -Raw -ErrorAction Stop } | Should -Throw -ErrorId $id
        { Read-ProcessMemory $target.Id ($address + 4092) -Type Int64 -ErrorAction Stop } | Should -Throw -ErrorId $id
    }

    It 'writes an error if nothing can be read: <address>' -ForEach @(
        @{ address = 0x10; id = 'ReadMemory,EFAULT'; category = 'ReadError' }
        @{ address = 0; id = 'ReadMemory,EFAULT'; category = 'ReadError' }
        @{ address = 0xffffffffff600000; id = 'ReadMemory,EINVAL'; category = 'InvalidArgument' }
        @{ address = 0xffff800000000000; id = 'ReadMemory,EINVAL'; category = 'InvalidArgument' }
    ) {
        $null = Read-ProcessMemory $target.Id $address 16 -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Be "$id,MemProc.PowerShell.ReadProcessMemoryCommand"
        $problem[0].CategoryInfo.Category | Should -Be $category
    }

    It 'requires a length, and rejects 0, a negative one and one that overflows' {
        { Read-ProcessMemory $target.Id $seed -ErrorAction Stop } | Should -Throw '*Specify -Length*'
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

    It 'writes a file for its owner only, and follows no link' {
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

    It 'accepts one range per file, not several' {
        $path = Join-Path $TestDrive several.bin
        $file = $seed, ($seed + 4096) | ForEach-Object { [pscustomobject] @{ Address = $_ } } |
            Read-ProcessMemory -Id $target.Id -Length 16 -OutFile $path -Force -ErrorVariable problem `
                -ErrorAction SilentlyContinue
        $file.Address | Should -Be $seed
        $problem[0].FullyQualifiedErrorId | Should -Be 'ReadMemory,EEXIST,MemProc.PowerShell.ReadProcessMemoryCommand'
        Get-Content $path -AsByteStream -TotalCount 3 | Should -Be 65, 66, 67
    }

    It 'reads a string that ends before the mapping' {
        $address = $target.Ask('map 4096 rw- private').address
        Write-ProcessMemory $target.Id ($address + 4090) -Text "end`0" -Confirm:$false
        Read-ProcessMemory $target.Id ($address + 4090) 256 -AsString | Should -BeExactly 'end'
        Write-ProcessMemory $target.Id ($address + 4090) -Text 'no end' -Confirm:$false
        { Read-ProcessMemory $target.Id ($address + 4090) 256 -AsString -ErrorAction Stop } |
            Should -Throw -ErrorId 'ReadMemory,EFAULT,MemProc.PowerShell.ReadProcessMemoryCommand'
    }

    It 'keeps no file if nothing could be read' {
        $path = Join-Path $TestDrive nothing.bin
        { Read-ProcessMemory $target.Id 0x10 16 -OutFile $path -ErrorAction Stop } | Should -Throw
        Test-Path $path | Should -BeFalse
    }

    It 'escapes control characters of a string on the terminal, and leaves the string unchanged' {
        $address = $target.Ask('map 4096 rw- private').address
        Write-ProcessMemory $target.Id $address -Text "`e[31mred" -Confirm:$false
        $text = Read-ProcessMemory $target.Id $address 16 -AsString
        $text | Should -BeExactly "`e[31mred"
        ($text | Out-String).Trim() | Should -Be '\x1b[31mred'
        Read-ProcessMemory $target.Id $address 16 | Out-String | Should -Not -Match "`e\[31mred"
    }

    It 'continues after an exited process' {
        $dead = Start-Target
        $dead.Kill()
        $blocks = Read-ProcessMemory $dead.Id, $target.Id $seed 16 -ErrorVariable problem -ErrorAction SilentlyContinue
        $blocks.ProcessId | Should -Be $target.Id
        $problem[0].FullyQualifiedErrorId | Should -Be 'OpenProcess,ESRCH,MemProc.PowerShell.ReadProcessMemoryCommand'
    }

    It 'has the same view from a job' {
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

Describe 'Read-ProcessMemory -Type' {
    It 'returns <type> as <expected>' -ForEach @(
        @{ type = 'SByte'; bytes = 0xfe; expected = [sbyte] -2 }
        @{ type = 'Byte'; bytes = 0xfe; expected = [byte] 254 }
        @{ type = 'Bool'; bytes = 2; expected = $true }
        @{ type = 'Char8'; bytes = 0x41; expected = [char] 'A' }
        @{ type = 'Char16'; bytes = 0x36, 4; expected = [char] 0x436 }
        @{ type = 'Half'; bytes = 0, 0x3e; expected = [System.Half] 1.5 }
        @{ type = 'UInt16be'; bytes = 0x12, 0x34; expected = [uint16] 0x1234 }
        @{ type = 'int'; bytes = 0xfe, 255, 255, 255; expected = -2 }
        @{ type = 'size_t'; bytes = 1, 0, 0, 0, 0, 0, 0, 0x80; expected = [uint64] 9223372036854775809 }
        @{ type = 'Single'; bytes = 0, 0, 0xc0, 0x3f; expected = [single] 1.5 }
        @{ type = 'Int128'; bytes = (@(255) * 16); expected = [System.Int128] -1 }
        @{ type = 'UInt128'; bytes = (, 1 + @(0) * 15); expected = [System.UInt128] 1 }
        @{ type = 'char[8]'; bytes = 0x67, 0x61, 0, 0x72, 0, 0, 0, 0; expected = 'ga' }
        @{ type = 'char16[2]'; bytes = 0x41, 0, 0x42, 0; expected = 'AB' }
    ) {
        $address = $target.Ask('map 4096 rw- private').address
        Write-ProcessMemory $target.Id $address ([byte[]] $bytes) -Confirm:$false
        $value = Read-ProcessMemory $target.Id $address -Type $type
        $value.GetType() | Should -Be $expected.GetType()
        $value.Equals($expected) | Should -BeTrue
        (Read-ProcessMemory $target.Id $address -Type $type -Stop).Equals($expected) | Should -BeTrue
    }

    It 'returns an array as one object' {
        $numbers = Read-ProcessMemory $target.Id $seed -Type 'UInt16[2]' -Count 2
        $numbers.Count | Should -Be 2
        $numbers[1] | Should -Be 0x4645, 0x4847
        $bytes = Read-ProcessMemory $target.Id $seed -Type 'byte[4]'
        , $bytes | Should -BeOfType [byte[]]
        Read-ProcessMemory $target.Id $seed -Type UInt16 -BigEndian | Should -Be 0x4142
    }

    It 'reads the string that a pointer points to, and $null for a null pointer' {
        Read-ProcessMemory $target.Id $garlic.pointer -Type 'char*' | Should -BeExactly 'garlic'
        $zero = $target.Ask('map 4096 rw- private').address
        Read-ProcessMemory $target.Id $zero -Type 'char*' | Should -BeNullOrEmpty
    }

    It 'rejects an unknown type, and completes the known ones' {
        { Read-ProcessMemory $target.Id $seed -Type pionter } | Should -Throw "*'pionter' is not a valid type*"
        { Read-ProcessMemory $target.Id $seed -Type 'int32[0]' } | Should -Throw '*elements*'
        $line = 'Read-ProcessMemory 1 0x10 -Type uint'
        [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null).
            CompletionMatches.CompletionText | Should -Be 'UInt16', 'UInt32', 'UInt64', 'UInt128'
    }
}

Describe 'Read-ProcessMemory -Layout' {
    It 'returns an object with the fields as properties' {
        $record = Read-ProcessMemory $target.Id $seed -Layout 'char[4] text; uint16be number; pointer next@8'
        $record | Should -BeOfType MemProc.MemoryRecord
        $record.ProcessId | Should -Be $target.Id
        $record.Address | Should -Be $seed
        $record.text | Should -BeExactly 'ABCD'
        $record.number | Should -Be 0x4546
        $record.nextHex | Should -Be ('0x{0:x}' -f $record.next)
        $record.Layout | Should -Be 'char8[4] text@0; uint16be number@4; pointer next@8'
        $screen = $record | Out-Screen
        $screen | Should -Match 'text +: ABCD'
        $screen | Should -Match 'next +: 0x343332314c4b4a49'
        # A table of selected properties.
        $record | Format-Table number | Out-Screen | Should -Match '17734'
    }

    It 'accepts a table, and records with a stride' {
        $records = Read-ProcessMemory $target.Id $seed -Layout @{ b = 'byte@1'; a = 'byte@0' } -Count 2 -Stride 4096
        $records.a | Should -Be 65, 65
        $records.b | Should -Be 66, 65
        $records[1].Address | Should -Be ($seed + 4096)
        $record = Read-ProcessMemory $target.Id $seed -Layout ([ordered] @{ a = 'byte'; b = 'int16' })
        $record.Layout | Should -Be 'byte a@0; int16 b@2'
        { Read-ProcessMemory $target.Id $seed -Layout @{ a = 'byte' } } | Should -Throw "*Field 'a' has no offset*"
        { Read-ProcessMemory $target.Id $seed -Layout 'int32 a; foo b' } | Should -Throw "*Field 'b'*"
    }

    It 'passes its objects to other cmdlets, and has the same view from a job' {
        $record = Read-ProcessMemory $target.Id $garlic.pointer -Layout 'pointer next; byte[4] raw@0; int16[2] numbers@0; char c@1'
        ($record | Read-ProcessMemory -Type Pointer) | Should -Be $garlic.text
        $root = Resolve-Path $PSScriptRoot/../..
        $back = Start-Job {
            Import-Module "$using:root/MemProc.psd1"
            Read-ProcessMemory $using:target.Id $using:garlic.pointer -Layout 'pointer next; byte[4] raw@0; int16[2] numbers@0; char c@1'
        } | Receive-Job -Wait -AutoRemoveJob
        ($back | Out-Screen).Trim() | Should -Be ($record | Out-Screen).Trim()
        ($back | Out-Screen) | Should -Match ('next +: 0x{0:x}' -f $garlic.text)
    }

    It 'escapes control characters of a field on the terminal' {
        $address = $target.Ask('map 4096 rw- private').address
        Write-ProcessMemory $target.Id $address -Text "`e[31mred" -Confirm:$false
        $record = Read-ProcessMemory $target.Id $address -Layout 'char[16] text'
        $record.text | Should -BeExactly "`e[31mred"
        $record | Out-String | Should -Match '\\x1b\[31mred'
    }
}

Describe 'Read-ProcessMemory -Dereference' {
    It 'follows pointers in every form and shows the path' {
        $block = Read-ProcessMemory $target.Id $garlic.pointer 6 -Dereference 1
        $block.Address | Should -Be $garlic.text
        $block.Pointers | Should -Be $garlic.pointer, $garlic.text
        $block | Out-Screen | Should -Match ('pointers: 0x{0:x} -> 0x{1:x}' -f $garlic.pointer, $garlic.text)
        Read-ProcessMemory $target.Id $garlic.pointer -AsString -Dereference 1 | Should -BeExactly 'garlic'
        Read-ProcessMemory $target.Id $garlic.pointer -Type 'char[6]' -Dereference 1 -Stop | Should -BeExactly 'garlic'
        (Read-ProcessMemory $target.Id $seed 4).Pointers.Count | Should -Be 0
    }

    It 'names the null pointer' {
        $address = $target.Ask('map 4096 rw- private').address
        $null = Read-ProcessMemory $target.Id $address 8 -Dereference 2 -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Be "Dereference,EFAULT,$command"
        $problem[0].CategoryInfo.Category | Should -Be 'ReadError'
        $problem[0] | Should -BeLike '*pointer 1 of 2*is null*'
    }
}

Describe 'Read-ProcessMemory -ResidentOnly' {
    It 'returns nonresident pages as a gap, and faults nothing in' {
        $address = $target.Ask('map 16384 rw- private').address
        $null = $target.Ask("touch $($address + 4096) 1")
        $block = Read-ProcessMemory $target.Id $address 16384 -ResidentOnly
        $block.Gaps.Kind | Should -Be 'NotResident', 'NotResident'
        $block.Gaps | ForEach-Object Length | Should -Be 4096, 8192
        $block.Bytes[4096] | Should -Be 1
        (Get-PageMapEntry $target.Id $address -Count 4 | Where-Object IsPresent).Address | Should -Be ($address + 4096)
        $path = Join-Path $TestDrive resident.bin
        (Read-ProcessMemory $target.Id $address 4096 -ResidentOnly -OutFile $path).Gaps.Kind | Should -Be 'NotResident'
        foreach ($form in @{ Raw = $true; Length = 16 }, @{ AsString = $true; Length = 16 }, @{ Type = 'Int32' }) {
            { Read-ProcessMemory $target.Id $address -ResidentOnly @form -ErrorAction Stop } |
                Should -Throw -ErrorId "ReadMemory,ENODATA,$command"
        }
    }
}

Describe 'Read-ProcessMemory -Stop' {
    It 'reads all input of the pipeline as one snapshot, and resumes the process' {
        $address = $target.Ask('map 4096 rw- private').address
        $null = $target.Ask("spin $address")
        $counts = @($address) * 20 | ForEach-Object { [pscustomobject] @{ Address = $_ } } |
            Read-ProcessMemory -Id $target.Id -Type Int64 -Stop
        $counts.Count | Should -Be 20
        @($counts | Select-Object -Unique).Count | Should -Be 1
        $null = $target.Ask('still')
        Read-ProcessMemory $target.Id $address -Type Int64 | Should -BeGreaterThan $counts[0]
    }

    It 'supports every output form' {
        Read-ProcessMemory $target.Id $seed, ($seed + 4096) 16 -Stop | ForEach-Object Address | Should -Be $seed, ($seed + 4096)
        (Read-ProcessMemory $target.Id $seed 2 -Raw -Stop) | Should -Be 65, 66
        Read-ProcessMemory $target.Id $seed 4 -AsString -Stop | Should -BeExactly 'ABCD'
        (Read-ProcessMemory $target.Id $seed -Layout 'byte a' -Count 3 -Stop).a | Should -Be 65, 66, 67
        $path = Join-Path $TestDrive stopped.bin
        (Read-ProcessMemory $target.Id $seed 4096 -OutFile $path -Stop).Length | Should -Be 4096
        { Read-ProcessMemory $target.Id $seed 4096 -OutFile $path -Stop -ErrorAction Stop } |
            Should -Throw -ErrorId "WriteFile,EEXIST,$command"
        $target.Ask('still').threads | Should -Be 0
    }

    It 'warns once per session on a .NET runtime without the lock that stops need' {
        $interop = [AppDomain]::CurrentDomain.GetAssemblies() | Where-Object { $_.GetName().Name -eq 'MemProc.Interop' }
        $field = $interop.GetType('MemProc.Interop.SigChldSuppressor').GetProperty('RuntimeLock', [Reflection.BindingFlags] 'Static, NonPublic')
        $lock = $field.GetValue($null)
        try {
            $field.SetValue($null, $null)
            1..2 | ForEach-Object { Read-ProcessMemory $target.Id $seed 16 -Stop -WarningVariable +warnings -WarningAction SilentlyContinue } |
                ForEach-Object Length | Should -Be 16, 16
        }
        finally {
            $field.SetValue($null, $lock)
        }
        $warnings | Should -HaveCount 1
        $warnings | Should -BeLike '*lacks Process.s_processStartLock*'
    }

    It 'continues after an invalid address and an exited process' {
        $dead = Start-Target
        $dead.Kill()
        $blocks = Read-ProcessMemory $dead.Id, $target.Id 0x10, $seed 16 -Stop -ErrorVariable problem -ErrorAction SilentlyContinue
        $blocks.Address | Should -Be $seed
        $problem.FullyQualifiedErrorId | Should -Be "OpenProcess,ESRCH,$command", "ReadMemory,EFAULT,$command"
    }

    It 'rejects a request above the limit, and its own process' {
        { Read-ProcessMemory $target.Id $seed 2gb -Stop -ErrorAction Stop } | Should -Throw -ErrorId "ReadMemory,EINVAL,$command"
        { Read-ProcessMemory -Address 0x1000 -Length 16 -Stop -ErrorAction Stop } |
            Should -Throw -ErrorId "StopProcess,EPERM,$command"
    }
}

Describe 'Read-ProcessMemory of addresses that no process has' {
    It 'rejects <address> with a reason' -ForEach @(
        @{ address = 0xffffffffff600000; words = '*vsyscall*' }
        @{ address = 0x8000000000000000; words = "*kernel's half*" }
        @{ address = '0x8000000000000000'; words = "*kernel's half*" }
        @{ address = 0x7ffffffffffffff8; words = "*kernel's half*" }
    ) {
        foreach ($form in @{ Length = 16 }, @{ Length = 16; Stop = $true }, @{ Type = 'char[16]' }, @{ Layout = 'int64[2] a' }) {
            $problem = { Read-ProcessMemory $target.Id $address @form -ErrorAction Stop } | Should -Throw $words -PassThru
            $problem.FullyQualifiedErrorId | Should -Be "ReadMemory,EINVAL,$command"
        }
    }
}

Describe 'Read-ProcessMemory -AsString' {
    It 'warns that a string continues if no length was given' {
        $address = $target.Ask('map 8192 rw- private').address
        Write-ProcessMemory $target.Id $address -Text ('x' * 5000) -Confirm:$false
        $text = Read-ProcessMemory $target.Id $address -AsString -WarningVariable warning -WarningAction SilentlyContinue
        $text.Length | Should -Be 4096
        $warning | Should -BeLike '*-Length*'
        (Read-ProcessMemory $target.Id $address 8192 -AsString -WarningVariable warning).Length | Should -Be 5000
        $warning.Count | Should -Be 0
    }

    It 'reads the whole symbol where an address is one, and a length where it is given' {
        $size = (Get-ElfSymbol -Id $target.Id -Path libc.so.6 -Name environ)[0].SizeBytes
        (Read-ProcessMemory $target.Id 'libc.so.6!environ').Length | Should -Be $size
        (Read-ProcessMemory $target.Id 'libc.so.6!environ' 4).Length | Should -Be 4
        { Read-ProcessMemory $target.Id 'libc.so.6!environ+0' -ErrorAction Stop } | Should -Throw '*length*unknown*'
        { Read-ProcessMemory $target.Id 'libc.so.6!environ' -Dereference 1 -ErrorAction Stop } | Should -Throw '*length*unknown*'
    }
}
