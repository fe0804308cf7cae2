BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $libc = (Get-ProcMap $target.Id -Path libc.so.6)[0].Path
}

AfterAll {
    Stop-Target
}

Describe 'Get-Disassembly' {
    It 'disassembles a function to its end, by address or by symbol' {
        $byAddress = Get-Disassembly $target.Id 'libc.so.6!nanosleep'
        $byAddress[0] | Should -BeOfType MemProc.ProcInstruction
        $byAddress.Symbol | Select-Object -Unique | Should -Be nanosleep
        $bySymbol = Get-Disassembly $target.Id -Symbol nanosleep
        "$bySymbol" | Should -Be "$byAddress"
        $call = $byAddress | Where-Object FlowControl -EQ Call
        $call.TargetSymbol | Should -Be 'libc.so.6!clock_nanosleep'
        (Resolve-ProcAddress $target.Id $call.Target).Symbol | Should -Be clock_nanosleep
        $bytes = (Read-ProcessMemory $target.Id $byAddress[0].Address 4).Bytes
        ($byAddress | ForEach-Object Bytes)[0..3] | Should -Be $bytes
    }

    It 'accepts symbols, sections, resolved addresses, mappings, instructions, and processes from the pipeline' {
        $expected = "$(Get-Disassembly $target.Id 'libc.so.6!nanosleep')"
        "$(Get-ElfSymbol -Id $target.Id -Path libc.so.6 -Name nanosleep | Select-Object -First 1 | Get-Disassembly)" |
            Should -Be $expected
        "$(Resolve-ProcAddress $target.Id 'libc.so.6!nanosleep' | Get-Disassembly)" | Should -Be $expected
        "$(Get-Process -Id $target.Id | Get-Disassembly -Symbol nanosleep)" | Should -Be $expected
        $first = Get-Disassembly $target.Id 'libc.so.6!nanosleep' -Count 1
        "$($first | Get-Disassembly)" | Should -Be "$first"
        ($first | Get-Disassembly -Count 3).Count | Should -Be 3
        $fini = Get-ElfSection -Id $target.Id -Path libc.so.6 -Name .text
        ($fini | Get-Disassembly | Select-Object -First 10).Section | Select-Object -Unique | Should -Be '.text'
        $map = Get-ProcMap $target.Id -Path libc.so.6 -Permission r-x | Select-Object -First 1
        $all = $map | Get-Disassembly
        $all[0].Address | Should -Be $map.Start
        $all[-1].Address + $all[-1].Length | Should -Be $map.End
    }

    It 'writes the first instruction of a large mapping at once, and has no limit to the size' {
        $map = Get-ProcMap $target.Id -Path libcoreclr.so -Permission r-x | Select-Object -First 1
        $map | Should -Not -BeNullOrEmpty
        $time = [Diagnostics.Stopwatch]::StartNew()
        $first = $map | Get-Disassembly | Select-Object -First 1
        $time.Elapsed.TotalSeconds | Should -BeLessThan 20
        $first.Address | Should -Be $map.Start
    }

    It 'disassembles sections and symbols of a file' {
        $plain = Get-Disassembly -LiteralPath $libc -Section .text -Count 50
        $plain[0] | Should -BeOfType MemProc.ElfInstruction
        $plain.Count | Should -Be 50
        $plain[0].Address | Should -Be (Get-ElfSection $libc -Name .text).VirtualAddress
        $plain[0].Path | Should -Be $libc
        $symbol = Get-ElfSymbol $libc -Name nanosleep | Select-Object -First 1
        $code = Get-Disassembly -Path $libc -Symbol nanosleep
        $code[0].Address | Should -Be $symbol.Value
        ($code | Measure-Object Length -Sum).Sum | Should -Be $symbol.SizeBytes
        (Get-Item $libc | Get-Disassembly -Section .text -Count 1).Address | Should -Be $plain[0].Address
        "$(Get-Disassembly -LiteralPath $libc -Section .nosuch -ErrorVariable failure -ErrorAction SilentlyContinue)" |
            Should -BeNullOrEmpty
        $failure.FullyQualifiedErrorId | Should -Be 'Disassemble,ENOENT,MemProc.PowerShell.GetDisassemblyCommand'
    }

    It 'writes either syntax, and decodes code of 16 and 32 bits' {
        $att = Get-Disassembly $target.Id 'libc.so.6!malloc' -Count 20
        $intel = Get-Disassembly $target.Id 'libc.so.6!malloc' -Count 20 -Syntax Intel
        $intel | ForEach-Object Address | Should -Be @($att | ForEach-Object Address)
        ($att.Operands -match '%').Count | Should -BeGreaterThan 5
        ($intel.Operands -match '%').Count | Should -Be 0
        $memory = New-TouchedMemory $target
        Set-Number $target $memory 0xc350 Int32
        (Get-Disassembly $target.Id $memory -Count 2).Text | Should -Be 'push %rax', 'ret'
        (Get-Disassembly $target.Id $memory -Count 2 -Bits 32).Text | Should -Be 'push %eax', 'ret'
        (Get-Disassembly $target.Id $memory -Count 2 -Bits 16).Text | Should -Be 'push %ax', 'ret'
        { Get-Disassembly $target.Id $memory -Bits 8 } | Should -Throw
    }

    It 'continues after addresses and names that cannot be disassembled, with an error for each' {
        $found = Get-Disassembly $target.Id 0x10, 'nosuch!x', 'libc.so.6!nanosleep' -Count 2 `
            -ErrorVariable failures -ErrorAction SilentlyContinue
        $found.Count | Should -Be 2
        $failures.FullyQualifiedErrorId | Should -Be @(
            'ReadMemory,EFAULT,MemProc.PowerShell.GetDisassemblyCommand'
            'ResolveAddress,ENOENT,MemProc.PowerShell.GetDisassemblyCommand')
        Get-Disassembly $target.Id -Symbol nosuch, nanosleep -ErrorAction SilentlyContinue | Should -Not -BeNullOrEmpty
        { Get-Disassembly $target.Id 0x1000 -Length 4 -Count 2 } | Should -Throw -ErrorId 'Count,EINVAL,*'
        { Get-Disassembly -Path $libc -Section .text -Symbol main } | Should -Throw -ErrorId 'Section,EINVAL,*'
    }

    It 'shows a line for each instruction below its symbol, also after a job' {
        $code = Get-Disassembly $target.Id 'libc.so.6!nanosleep'
        $lines = ($code | Out-Screen -Width 120) -split "`n" | Where-Object { $_.Trim() }
        $lines[0] | Should -Match '^[0-9a-f]{16} <libc\.so\.6!nanosleep>:$'
        $lines.Count | Should -Be ($code.Count + 1)
        $lines[1] | Should -Match ('^ *{0:x}:  ([0-9a-f]{{2}} )+ +\w' -f $code[0].Address)
        $lines -match 'call +0x[0-9a-f]+ <libc\.so\.6!clock_nanosleep>' | Should -HaveCount 1
        $copy = [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($code, 3))
        ($copy | Out-Screen -Width 120) | Should -Be ($code | Out-Screen -Width 120)
        $copy[0] | Get-Disassembly | ForEach-Object Text | Should -Be $code[0].Text
    }

    It 'refuses code for other processors than x86, by name' {
        $bytes = [System.IO.File]::ReadAllBytes($libc)
        # The machine of the ELF header: AArch64.
        $bytes[18] = 183
        [System.IO.File]::WriteAllBytes("$TestDrive/arm64.so", $bytes)
        { Get-Disassembly -Path $TestDrive/arm64.so -Section .text -ErrorAction Stop } |
            Should -Throw -ErrorId 'Disassemble,EOPNOTSUPP,*' -ExpectedMessage '*Arm64*'
        { Get-Disassembly -Path $TestDrive/arm64.so -Symbol nanosleep -ErrorAction Stop } |
            Should -Throw -ErrorId 'Disassemble,EOPNOTSUPP,*'
    }

    It 'loads the decoder when it is first needed' {
        $script = '[AppDomain]::CurrentDomain.GetAssemblies().GetName().Name -contains "Iced"
            $null = Get-Disassembly -Path {0} -Section .text -Count 1
            [AppDomain]::CurrentDomain.GetAssemblies().GetName().Name -contains "Iced"' -f $libc
        Invoke-OtherPwsh $script | Should -Be 'False', 'True'
    }

    It 'completes symbols and sections' {
        $line = "Get-Disassembly -Path $libc -Section .te"
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Contain '.text'
        $line = "Get-Disassembly -Path $libc -Symbol nanosl"
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Contain 'nanosleep'
    }
}
