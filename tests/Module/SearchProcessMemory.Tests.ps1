BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
    $here = @{ Id = $target.Id; Address = $seed; Length = 8192 }
}

AfterAll {
    Stop-Target
}

Describe 'Search-ProcessMemory' {
    It 'finds <name>' -ForEach @(
        @{ name = 'bytes with wildcards'; what = @{ Pattern = '45 4? ?? 48' }; offsets = 4 }
        @{ name = 'bytes'; what = @{ Bytes = [byte[]] (0x49, 0x4a) }; offsets = 8 }
        @{ name = 'text'; what = @{ Text = '1234' }; offsets = 12 }
        @{ name = 'text ignoring case'; what = @{ Text = 'abcdef'; IgnoreCase = $true }; offsets = 0 }
        @{ name = 'text in another encoding'; what = @{ Text = "`u{4241}`u{4443}"; Encoding = 'unicode' }; offsets = 0 }
        @{ name = 'overlapping matches'; what = @{ Pattern = '43 43 43'; Alignment = 2 }; offsets = 4128, 4130, 4132, 4134 }
        @{ name = 'matches of a regular expression'; what = @{ Regex = '[1-4]{4}|B{5}' }; offsets = 12, 4115, 4120 }
        @{ name = 'numbers'; what = @{ Value = 0x44434241; Type = 'Int32' }; offsets = 0 }
        @{ name = 'unaligned numbers'; what = @{ Value = 0x4443; Type = 'UInt16'; Unaligned = $true }; offsets = 2 }
        @{ name = 'numbers in a range'; what = @{ Between = 0x4847, 0x4a49; Type = 'UInt16' }; offsets = 6, 8 }
    ) {
        $found = Search-ProcessMemory @here @what
        # Not $found.Address: an array has a method of that name.
        $found | ForEach-Object Address | Should -Be ($offsets | ForEach-Object { $seed + $_ })
        $found[0] | Should -BeOfType MemProc.MemoryMatch
    }

    It 'returns address and value' {
        $match = Search-ProcessMemory @here -Text '1234'
        $match.ProcessId | Should -Be $target.Id
        $match.Length | Should -Be 4
        $match.Bytes | Should -Be 0x31, 0x32, 0x33, 0x34
        $match.Value | Should -BeExactly '1234'
        $match.Type | Should -BeNullOrEmpty
        $match.Permissions | Should -Be 'rw-p'
        $match.Kind | Should -Be 'Anonymous'
        $match.OffsetInMapping | Should -Be 12
        $number = Search-ProcessMemory @here -Type Int16 -Value 0x4241 -First 1
        $number.Value | Should -Be 0x4241
        $number.Value | Should -BeOfType [int16]
        $number.Type | Should -Be 'Int16'
    }

    It 'passes matches to read and write cmdlets' {
        $match = Search-ProcessMemory @here -Text 'ABCD'
        ($match | Read-ProcessMemory).Bytes | Should -Be 65, 66, 67, 68
        $place = $target.Ask('garlic').text
        Search-ProcessMemory $target.Id -Text garlic -Address $place -Length 16 |
            Write-ProcessMemory -Text carrot -Confirm:$false
        $target.Ask("say $place").text | Should -Be 'carrot'
    }

    It 'accepts processes and mappings from the pipeline' {
        $process = Get-Process -Id $target.Id
        $process | Search-ProcessMemory -Text 'ABCDEFGHIJKL1234567890!' | ForEach-Object Address | Should -Contain $seed
        (Get-ProcMap $target.Id -Address $seed | Search-ProcessMemory -Text '1234').Address | Should -Be ($seed + 12)
    }

    It 'filters by mapping' {
        $all = @{ Id = $target.Id; Text = 'ABCDEFGHIJKL1234567890!' }
        Search-ProcessMemory @all -Kind Anonymous | ForEach-Object Address | Should -Contain $seed
        Search-ProcessMemory @all -Kind Stack | Should -BeNullOrEmpty
        Search-ProcessMemory @all -Permission r-x | Should -BeNullOrEmpty
        Search-ProcessMemory @all -Path '[stack]' | Should -BeNullOrEmpty
    }

    It 'finds strings' {
        $found = Search-ProcessMemory @here -Strings -MinimumLength 20
        $found[0] | Should -BeOfType MemProc.MemoryString
        $found[0].Address | Should -Be $seed
        $found[0].Text | Should -BeLike 'ABCDEFGHIJKL1234567890!*'
        $found[0].Encoding | Should -Be Ascii
        $found | Out-Screen -Width 100 | Should -Match 'rw-p Ascii .*ABCDEFGHIJKL'
        ($found[0] | Read-ProcessMemory).Length | Should -Be $found[0].Length
        Search-ProcessMemory @here -Strings -Encoding unicode | Should -BeNullOrEmpty
        @(Search-ProcessMemory $target.Id -Strings -First 2) | Should -HaveCount 2
        { Search-ProcessMemory @here -Strings -Encoding utf32 } | Should -Throw -ErrorId 'Encoding,EINVAL,*'
    }

    It 'searches memory that processes share once, by a name with wildcards, and names the owners' {
        Assert-Root
        $answer = Invoke-OtherPwsh -Prefix unshare, --pid, --fork, --mount-proc -Script @'
            $sleeps = 1..3 | ForEach-Object { Start-Process sleep 600 -PassThru }
            $found = Search-ProcessMemory -Name 'slee*' -Text 'GLIBC_2.3.4' -Path libc.so.6 -Verbose 4>&1
            $match = @($found | Where-Object { $_ -is [MemProc.SharedMemoryMatch] })[0]
            "owners $(($match.Owners.ProcessId | Select-Object -Unique).Count)"
            "list $(($match | Format-List | Out-String) -match 'Owners +: \d+ \(sleep\) at 0x')"
            "verbose $($found -match 'read .* that they map')"
            $sleeps | Stop-Process
'@
        $answer[0] | Should -Be 'owners 3'
        $answer[1] | Should -Be 'list True'
        $answer[2] | Should -Match 'Searched 3 processes'
    }

    It 'stops after -First matches' {
        (Search-ProcessMemory $target.Id -Pattern 00 -First 3).Count | Should -Be 3
        (Search-ProcessMemory $target.Id -Pattern 00 | Select-Object -First 3).Count | Should -Be 3
    }

    It 'skips nonresident pages, and reports them with -Verbose' {
        $length = 1GB
        $reserved = $target.Ask("reserve $length 1")
        $search = @{ Id = $target.Id; Address = $reserved.address; Length = $length; Pattern = '01' }
        $shown = Search-ProcessMemory @search -Verbose 4>&1
        ($shown | Where-Object { $_ -is [MemProc.MemoryMatch] }).Address | Should -Be $reserved.address
        "$shown" | Should -Match 'searched 4 KiB; skipped: 1,?\d*.* not in memory'
        (Get-PageMapEntry $target.Id $reserved.address $length | Measure-Object).Count | Should -Be 1
    }

    It 'shows hex and characters in 80 columns, and numbers as numbers' {
        $lines = (Search-ProcessMemory @here -Text 'ABCDEFGHIJKL' | Out-Screen -Width 80) -split "`n"
        $lines -match ('0x{0:x12} +rw-p 41 42 43 44 45 46 47 48 \|ABCDEFGH\|' -f $seed) | Should -Not -BeNullOrEmpty
        ($lines | Measure-Object Length -Maximum).Maximum | Should -BeLessOrEqual 80
        Search-ProcessMemory @here -Type Int32 -Value 0x44434241 | Out-Screen | Should -Match '1145258561'
        $text = Search-ProcessMemory @here -Text 1234 -Context 4 | Out-Screen -Width 80
        $text | Should -Match '(?s)49 4a 4b 4c 31 32 33 34 +IJKL1234\s+0x[0-9a-f]+ 35 36 37 38 +5678'
    }

    It 'has the same view from a job, and escapes control characters' {
        $place = $target.Ask('map 4096 rw- private').address
        Write-ProcessMemory $target.Id $place -Text "`e[31mred" -Confirm:$false
        $search = @{ Id = $target.Id; Address = $place; Length = 64; Regex = '.\[31mred' }
        $module = Resolve-Path $PSScriptRoot/../../MemProc.psd1
        $back = Start-Job { Import-Module $using:module; $search = $using:search; Search-ProcessMemory @search } |
            Receive-Job -Wait -AutoRemoveJob
        ($back | Out-Screen).Trim() | Should -Be (Search-ProcessMemory @search | Out-Screen).Trim()
        $back | Format-List | Out-String | Should -Not -Match '\x1b\[31m'
        ($back | Select-ProcessMemoryMatch -Unchanged).Address | Should -Be $place
    }

    It 'rejects <name>' -ForEach @(
        @{ name = 'no process'; what = @{ Text = 'a' }; id = 'Id,EINVAL' }
        @{ name = 'a pattern with invalid digits'; what = @{ Id = 1; Pattern = '4 11' }; id = 'Pattern,EINVAL' }
        @{ name = 'a pattern that matches everything'; what = @{ Id = 1; Pattern = '??' }; id = 'Pattern,EINVAL' }
        @{ name = 'a number that the type cannot hold'; what = @{ Id = 1; Value = 256; Type = 'Byte' }; id = 'Value,EINVAL' }
        @{ name = 'an invalid regular expression'; what = @{ Id = 1; Regex = '(' }; id = 'Regex,EINVAL' }
        @{ name = 'an alignment of 3'; what = @{ Id = 1; Value = 1; Type = 'Byte'; Alignment = 3 }; id = 'Alignment,EINVAL' }
        @{ name = 'an empty range'; what = @{ Id = 1; Between = 2, 1; Type = 'Byte' }; id = 'Between,EINVAL' }
    ) {
        { Search-ProcessMemory @what } |
            Should -Throw -ErrorId "$id,MemProc.PowerShell.SearchProcessMemoryCommand"
    }

    It 'continues after an unmapped address' {
        $found = Search-ProcessMemory $target.Id -Text 1234 -Address 0x10, $seed -Length 4096 -ErrorVariable problem `
            -ErrorAction SilentlyContinue
        $found.Address | Should -Be ($seed + 12)
        $problem[0].FullyQualifiedErrorId | Should -Be 'FindMap,ENOENT,MemProc.PowerShell.SearchProcessMemoryCommand'
        $problem[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
    }

    It 'writes an error for an exited process' {
        $other = Start-Target
        $match = Search-ProcessMemory $other.Id -Text $other.Id -First 1
        $map = Get-ProcMap $other.Id | Select-Object -First 1
        $other.Kill()
        { $map | Search-ProcessMemory -Text a -ErrorAction Stop } |
            Should -Throw -ErrorId 'OpenProcess,ESRCH,MemProc.PowerShell.SearchProcessMemoryCommand'
        if ($match) {
            { $match | Select-ProcessMemoryMatch -Changed -ErrorAction Stop } |
                Should -Throw -ErrorId 'OpenProcess,ESRCH,MemProc.PowerShell.SelectProcessMemoryMatchCommand'
        }
    }

    It 'searches for a text where the pattern cannot be bytes, and says when a word is taken for bytes' {
        $null = $target.Ask('seed')
        (Search-ProcessMemory $target.Id 'GHIJKL1234' -First 1).Value | Should -Be 'GHIJKL1234'
        $match = Search-ProcessMemory $target.Id 'cafe' -First 1 -WarningVariable warnings -WarningAction SilentlyContinue
        "$warnings" | Should -Match "'cafe' is searched for as bytes in hex.* -Text cafe"
        $match | ForEach-Object { $_.Bytes | Should -Be 0xca, 0xfe }
        { Search-ProcessMemory $target.Id '41 4' } | Should -Throw '*not a valid byte pattern*-Text*'
        (Search-ProcessMemory $target.Id -Bytes '47 48' -First 1).Bytes | Should -Be 0x47, 0x48
    }
}
