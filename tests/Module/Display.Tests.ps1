# What objects look like where no view of this module applies: hex, CSV, XML, JSON; and colours of the views.

BeforeDiscovery {
    # What writes objects of nearly all types, about a process {0} and its memory at {1}.
    $commands = @(
        'Get-ProcMap -Id {0} -Detailed | Select-Object -First 3'
        'Get-ProcMap -Id {0} -Numa | Select-Object -First 3'
        'Get-ProcMemoryStatus {0}', 'Get-ProcMemoryStatus {0} -Detailed', 'Get-ProcMemoryStatus {0} -Headroom'
        'Get-PageMapEntry {0} {1} -Flag anon', 'Get-PageMapEntry {0} {1} | Get-PageFlags', 'Measure-PageFlags {0}'
        'Get-PageFlags -Describe 0x86c', 'Measure-PageFolio {0}', 'Test-ProcMemAccess {0}', 'Get-ProcThread {0}'
        'Get-PageSharing -Id {0} -AmongId {0}, $PID', 'Get-PageSharing -Id {0} -AmongId {0}, $PID -Summary'
        'Measure-WorkingSet {0} -Seconds 0.01', 'Show-ProcMap {0}', 'Resolve-ProcAddress {0} {1} -WithFlags'
        'Get-FilePage /bin/sh -Flag lru', 'Get-FilePage /bin/sh -Summary', 'Get-PhysicalMemoryMap'
        'Read-ProcessMemory {0} {1} 64', 'Read-ProcessMemory {0} {1} 16 -Telescope'
        'Read-ProcessMemory {0} {1} -Layout "int32[4] many; pointer[2] some; char[4] text"'
        'Watch-ProcessMemory {0} {1} -Type "int32[4]" -Timeout 1'
        'Get-ElfHeader -Path /bin/sh', 'Get-ElfSegment -Path /bin/sh', 'Get-ElfSection -Path /bin/sh'
        'Get-ElfSegment -Id {0} -Path libc.so.6', 'Compare-ProcessImage {0} -Path libc.so.6', 'Get-PageTableEntry {0} {1}'
        'Get-PageTableEntry {0} {1} -Summary', 'Get-KernelVma {0}', 'Get-KernelMemoryMap {0}', 'Get-KernelLayout'
        'Get-PageMapEntry {0} {1} | Get-PageFrame', 'Save-ProcessMemory {0} "$TestDrive/one.core" -NoContent'
        'Get-ProcessCore "$TestDrive/one.core"', 'Search-ProcessMemory {0} -Text ELF -First 2'
        'Search-ProcessMemory {0} -Strings -First 2', 'Find-PointerPath {0} "*(libc.so.6!environ)" -Depth 1 -MaxOffset 0'
        'Compare-ProcessMemory -Id {0} -Address {1} -Length 4096 -Seconds 0.01', 'Get-ProcMap -Id {0}', 'Get-PageMapEntry {0} -Run'
        'Get-ElfSymbol -Path /bin/sh', 'Get-ElfSymbol -Id {0} -Path libc.so.6 -Name malloc*', 'Get-ElfSection -Id {0} -Path libc.so.6'
        'Get-ElfHeader -Id {0} -Path libc.so.6', 'Get-Disassembly {0} "libc.so.6!malloc" -Count 2', 'Get-PageFlags -Describe'
        'Get-PageMapEntry {0} {1} | Find-ProcessByPfn -Id {0}', 'Measure-WorkingSet {0} -Seconds 0.01 -Summary'
        'New-ProcessMemoryScan {0} -Value 12345 -Type Int32', 'Search-ProcessMemory {0} -Text ELF -First 2 -Context 32'
        'Write-ProcessMemory {0} ({1} + 8192) -Bytes 1, 2, 3 -PassThru -Confirm:$false', 'Measure-PageFolio {0} -ByMap'
        'Get-ProcMemoryStatus {0} -Detailed -Method Pages', 'Read-ProcessMemory {0} {1} 64 -OutFile "$TestDrive/bytes"'
        'Get-PageMapEntry {0} {1} | Read-PhysicalMemory', 'Invoke-ProcessMemoryAdvice {0} {1} 4096 -Cold -Confirm:$false'
    )
}

BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $address = New-TouchedMemory $target
    $types = Get-Command -Module MemProc | ForEach-Object { $_.OutputType.Type } | Where-Object FullName -Like 'MemProc.*' |
        Sort-Object FullName -Unique

    # Returns what a command writes, which is kept for the next test of it.
    $written = @{}
    function Get-Object([string] $Command) {
        if (-not $written.ContainsKey($Command)) {
            $written[$Command] = @(Invoke-Expression ($Command -f $target.Id, $address) -ErrorAction Ignore -WarningAction Ignore -InformationAction Ignore)
        }

        if ($written[$Command].Count -eq 0) {
            Set-ItResult -Skipped -Because 'this kernel or user gets none'
        }

        $written[$Command]
    }

    # Numbers that people read as numbers.
    $decimal = 'Bytes$|Count$|Pages$|Length$|Inode$|Ticks$|Index$|Alignment$|RmapItems$|^Duration|Bytes(Before|After)$'
}

AfterAll {
    Stop-Target
}

Describe 'Hex' {
    It 'is a member for every address, frame and set of flags of every type' {
        $types.Count | Should -BeGreaterThan 40
        foreach ($type in $types) {
            foreach ($property in $type.GetProperties() | Where-Object { $_.PropertyType -in [ulong], [Nullable[ulong]] }) {
                if ($property.Name -notmatch $decimal) {
                    $type.GetProperty("$($property.Name)Hex") | Should -Not -BeNullOrEmpty -Because "$($type.Name).$($property.Name) has no text in hex"
                }
            }
        }
    }

    It 'comes with the numbers, which stay numbers' {
        $map = Get-ProcMap $target.Id -Address $address
        $map.Start | Should -BeOfType [ulong]
        $map.Start -eq $address | Should -BeTrue
        $map.Start + 4096 | Should -Be ($address + 4096)
        $map.StartHex | Should -BeExactly ('0x{0:x}' -f $address)
        ($map | Select-Object StartHex, Path).StartHex | Should -BeExactly $map.StartHex
        ($map | ConvertTo-Json | ConvertFrom-Json).StartHex | Should -BeExactly $map.StartHex
        ($map | ConvertTo-Csv | ConvertFrom-Csv).StartHex | Should -BeExactly $map.StartHex
        $back = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($map))
        $back.StartHex | Should -BeExactly $map.StartHex
        # The text is an address, too.
        (Get-ProcMap $target.Id -Address $map.StartHex).Start | Should -Be $address
        (Get-PageMapEntry $target.Id $address).AddressHex | Should -BeExactly $map.StartHex
        (Get-ProcMap $target.Id | Sort-Object Start -Descending)[0].Start | Should -BeGreaterThan $address
    }

    It 'is null where the number is' {
        $entry = Get-PageMapEntry $target.Id $target.Ask('map 4096 rw- private').address -All
        $entry.Pfn | Should -BeNullOrEmpty
        $entry.PfnHex | Should -BeNullOrEmpty
    }

    It 'stands for a second type in one output' {
        $text = & { Get-ProcMap $target.Id -Kind Stack; Get-PageMapEntry $target.Id $address } | Out-Screen
        $text | Should -Match ('AddressHex +: 0x{0:x}' -f $address)
    }
}

Describe 'Text' {
    It 'is useful for every type' {
        foreach ($type in $types) {
            $method = $type.GetMethod('ToString', [type[]] @())
            $method.DeclaringType.Namespace | Should -Be 'MemProc' -Because "$type has no text of its own"
        }

        $picture = Show-ProcMap $target.Id
        foreach ($item in (Get-ProcMemoryStatus $target.Id), (Get-PageMapEntry $target.Id $address), (Read-ProcessMemory $target.Id $address 4),
            $picture, $picture.Regions[0], $picture.Legend[0]) {
            "$item" | Should -Not -Match 'MemProc\.'
        }
    }

    It 'has default properties for every type, which it has' {
        foreach ($type in $types | Where-Object FullName -NE 'MemProc.MemoryRecord') {
            $names = (Get-TypeData $type.FullName).DefaultDisplayPropertySet.ReferencedProperties
            $names.Count | Should -BeGreaterThan 2 -Because "$type has default properties"
            $names | ForEach-Object { $type.GetProperty($_) | Should -Not -BeNullOrEmpty -Because "$type has a property $_" }
        }
    }
}

Describe 'CSV' {
    BeforeAll {
        $objects = @(
            Get-ProcMap $target.Id -Address $address
            Search-ProcessMemory $target.Id -Text ELF -First 1
            Search-ProcessMemory $target.Id -Text ELF -First 1 -Context 16
            Write-ProcessMemory $target.Id $address -Bytes '05 00' -PassThru -Confirm:$false
            Watch-ProcessMemory $target.Id $address -Length 4 -Timeout 1
            Get-Disassembly -Path /bin/sh -Symbol _start -Count 1 -ErrorAction Ignore
            Get-Disassembly $target.Id -Address 'libc.so.6!malloc' -Count 1
            Read-ProcessMemory $target.Id $address 8
            Read-ProcessMemory $target.Id $address -Layout 'byte[4] code; int32 count'
            Watch-ProcessMemory $target.Id $address -Type 'byte[4]' -Timeout 1
            Compare-ProcessMemory -Id $target.Id -Address $address -Length 8 -Type 'byte[4]' -NoSummary -During {
                Write-ProcessMemory $target.Id $address -Bytes '06 01' -Confirm:$false
            }
            Get-KernelMemoryMap $PID -ErrorAction Ignore | ForEach-Object { Read-PhysicalMemory 0x1000 8 -ErrorAction Ignore }
        )
    }

    It 'has bytes in hex' {
        $objects.Count | Should -BeGreaterThan 5
        $objects | ForEach-Object { $_ | ConvertTo-Csv } | Should -Not -Match 'System\.Byte\[\]'
        ($objects[3] | ConvertTo-Csv | ConvertFrom-Csv).Bytes | Should -BeExactly '05 00'
        $block = $objects | Where-Object { $_ -is [MemProc.MemoryBlock] }
        ($block | ConvertTo-Csv | ConvertFrom-Csv).Bytes | Should -BeExactly '05 00 00 00 00 00 00 00'
        ($block | Select-Object AddressHex, Bytes | ConvertTo-Csv | ConvertFrom-Csv).Bytes | Should -BeExactly '05 00 00 00 00 00 00 00'
        $record = ($objects | Where-Object { $_ -is [MemProc.MemoryRecord] } | ConvertTo-Csv | ConvertFrom-Csv)
        $record.code, $record.count | Should -BeExactly '05 00 00 00', '0'
        $change = ($objects | Where-Object { $_ -is [MemProc.MemoryDifference] } | ConvertTo-Csv | ConvertFrom-Csv)
        $change.PreviousValue, $change.Value | Should -BeExactly '05 00 00 00', '06 01 00 00'
        ($objects | Where-Object { $_ -is [MemProc.MemoryChange] } | ConvertTo-Csv | ConvertFrom-Csv).Value | Should -Contain '05 00 00 00'
    }

    It 'has no property that has no text but the name of its type, in any type' {
        $kinds = [MemProc.OutputList`1], [MemProc.OutputTable`1]
        foreach ($type in $types) {
            foreach ($property in $type.GetProperties()) {
                $kind = $property.PropertyType
                $because = "$($type.Name).$($property.Name) is a $kind"
                if ($kind -in [string], [byte[]], [MemProc.MemoryBytes]) {
                    continue
                }

                if ([Collections.IEnumerable].IsAssignableFrom($kind)) {
                    ($kind.IsGenericType ? $kind.GetGenericTypeDefinition() : $kind) | Should -BeIn $kinds -Because $because
                    # The text of a list is that of its items.
                    $kind = $kind.GetGenericArguments()[0]
                }

                if ($kind -ne [object]) {
                    $kind.GetMethod('ToString', [type[]] @()).DeclaringType | Should -Not -Be ([object]) -Because $because
                }
            }
        }
    }

    It 'has no name of a type in the row of <_>' -ForEach $commands {
        $objects = Get-Object $_
        # Names of classes, such as those of assemblies in paths, are found above: what is left are arrays and generic types.
        $cells = $objects | ConvertTo-Csv | ConvertFrom-Csv | ForEach-Object { $_.PSObject.Properties.Value }
        $cells | Should -Not -BeNullOrEmpty
        $cells | Where-Object { $_ -match '^(System|MemProc)\.[\w.]+(\[\]|`\d.*)$|__ReadOnly' } | Should -BeNullOrEmpty
    }

    It 'has the items of lists and tables, as the objects have after the transport' {
        $maps = Get-ProcMap -Id $target.Id -Detailed -Address $address
        $row = $maps | ConvertTo-Csv | ConvertFrom-Csv
        $row.VmFlags | Should -BeExactly ($maps.VmFlags -join ' ')
        $row.Counters | Should -Match '(^| )Rss=\d+ '
        $record = Read-ProcessMemory $target.Id $address -Layout 'int16[3] many' | ConvertTo-Csv | ConvertFrom-Csv
        $record.many | Should -Match '^-?\d+ -?\d+ -?\d+$'
        $back = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($maps))
        ($back | ConvertTo-Csv | ConvertFrom-Csv).VmFlags | Should -BeExactly $row.VmFlags
        $maps.VmFlags -contains 'rd' | Should -BeTrue
        $maps.VmFlags.Length, $maps.VmFlags[0] | Should -Be $maps.VmFlags.Count, 'rd'
        [string[]] $maps.VmFlags | Should -Be $back.VmFlags
        ($maps | ConvertTo-Json | ConvertFrom-Json).VmFlags | Should -Be $maps.VmFlags
    }

    It 'does not keep bytes from being used as bytes' {
        $write = $objects[3]
        $write.Bytes | Should -Be 5, 0
        $write.Bytes.Length, $write.Bytes.Count, $write.Bytes[0] | Should -Be 2, 2, 5
        $write.Bytes[0..1] | Should -Be 5, 0
        $write.Bytes -join ',' | Should -Be '5,0'
        [byte[]] $write.Bytes | Should -Be 5, 0
        [Convert]::ToHexString($write.Bytes) | Should -Be '0500'
        [BitConverter]::ToInt16($write.Bytes, 0) | Should -Be 5
        ($write | ConvertTo-Json | ConvertFrom-Json).Bytes | Should -Be 5, 0
    }

    It 'has no type with an array of bytes but blocks of memory' {
        $found = foreach ($type in $types) {
            foreach ($property in $type.GetProperties() | Where-Object PropertyType -EQ ([byte[]])) {
                "$($type.Name).$($property.Name)"
            }
        }

        # Type data gives these their text.
        $found | Should -Be 'MemoryBlock.Bytes', 'PhysicalMemoryBlock.Bytes'
    }

    It 'has no value that can be an array of bytes unnoticed' {
        $found = foreach ($type in $types) {
            foreach ($property in $type.GetProperties() | Where-Object PropertyType -EQ ([object])) {
                "$($type.Name).$($property.Name)"
            }
        }

        # Of the matches these are numbers; the others become lists of bytes.
        $found | ForEach-Object { ($_ -split '\.')[0] } | Sort-Object -Unique |
            Should -Be 'MemoryChange', 'MemoryDifference', 'MemoryMatch', 'MemoryMatchInContext', 'ProcMemoryAccess', 'SharedMemoryMatch'
    }

    It 'leaves the bytes of a block an array, here and after the transport' {
        $block = Read-ProcessMemory $target.Id $address 65536 -WarningAction Ignore
        $text = [System.Management.Automation.PSSerializer]::Serialize($block)
        $back = [System.Management.Automation.PSSerializer]::Deserialize($text)
        $text.Length | Should -BeLessThan ($block.Bytes.Length * 4 / 3 * 1.1)
        foreach ($item in $block, $back) {
            $item.Bytes -is [byte[]] | Should -BeTrue
            $item.Bytes.Length | Should -Be $block.Bytes.Length
            $item.Bytes[0, 1] | Should -Be $block.Bytes[0], $block.Bytes[1]
            [BitConverter]::ToInt32($item.Bytes, 0) | Should -Be ($block.Bytes[0] + 256 * $block.Bytes[1])
            [Text.Encoding]::Latin1.GetString($item.Bytes).Length | Should -Be $block.Bytes.Length
            (Format-Hex -InputObject $item.Bytes)[0].Bytes | Should -Be $block.Bytes[0..15]
            ($item.Bytes | Select-Object -First 32 | Format-Hex)[1].Bytes | Should -Be $block.Bytes[16..31]
            ($item | ConvertTo-Csv | ConvertFrom-Csv).Bytes | Should -BeLike ('{0:x2} {1:x2} 00 00 *' -f $block.Bytes[0], $block.Bytes[1])
        }

        # They can be written back, and so can those from a CSV file.
        $part = Read-ProcessMemory $target.Id $address 4
        $row = $part | ConvertTo-Csv | ConvertFrom-Csv
        foreach ($bytes in $part.Bytes, $row.Bytes) {
            Write-ProcessMemory $target.Id $address -Bytes 9, 9, 9, 9 -Confirm:$false
            Write-ProcessMemory $target.Id $address -Bytes $bytes -Confirm:$false
            (Read-ProcessMemory $target.Id $address 4).Bytes | Should -Be $part.Bytes
        }

        foreach ($type in [MemProc.MemoryBlock], [MemProc.PhysicalMemoryBlock]) {
            (Get-TypeData $type.FullName).PropertySerializationSet.ReferencedProperties | Sort-Object |
                Should -Be ($type.GetProperties().Name | Sort-Object)
        }
    }
}

Describe 'Views' {
    It 'show the process in each row with -View Process' {
        $screen = $PID, $target.Id | Get-ProcMap -Kind Stack | Sort-Object SizeBytes | Format-Table -View Process | Out-Screen -Width 80
        $screen | Should -Match "(?m)^ +$PID .* \[stack\]"
        $screen | Should -Match "(?m)^ +$($target.Id) .* \[stack\]"
        $screen | Should -Not -Match 'Process:'
        $write = { Write-ProcessMemory $target.Id $address -Bytes '07 01' -Confirm:$false }
        foreach ($objects in (Get-ProcMap $target.Id -Detailed), (Get-PageMapEntry $target.Id $address), (Get-ProcThread $target.Id),
            (Search-ProcessMemory $target.Id -Text ELF -First 1), (Search-ProcessMemory $target.Id -Strings -First 1),
            (Write-ProcessMemory $target.Id $address -Bytes 1, 2 -PassThru -Confirm:$false), (Test-ProcMemAccess $target.Id),
            (Compare-ProcessImage $target.Id -Path libc.so.6), (Compare-ProcessMemory -Id $target.Id -Address $address -NoSummary -During $write),
            (Compare-ProcessMemory -Id $target.Id -Address $address -Length 40960 -Mapping -During { $null = $target.Ask("protect $address 4096 r--") }),
            (Compare-ProcessMemory -Id $target.Id -Address $address -Length 40960 -Page -During { $null = $target.Ask("advise $address 40960 4") })) {
            @($objects).Count | Should -BeGreaterThan 0
            $objects | Format-Table -View Process | Out-Screen -Width 80 | Should -Match "(?m)^ +$($target.Id) "
        }

        $null = $target.Ask("protect $address 4096 rw-")
        $vmas = Get-KernelVma $target.Id -ErrorAction Ignore
        if ($vmas) {
            $vmas | Format-Table -View Process | Out-Screen -Width 80 | Should -Match "(?m)^ +$($target.Id) "
        }
    }

    It 'have tables that fit 80 columns, with 8 or more for a column without a width' {
        $tables = foreach ($file in Get-ChildItem $PSScriptRoot/../../src/MemProc.PowerShell/Views/*.ps1xml) {
            foreach ($view in ([xml] (Get-Content -Raw $file)).SelectNodes('//View[TableControl]')) {
                $widths = @($view.SelectNodes('.//TableColumnHeader') | ForEach-Object { [int] "0$($_.SelectSingleNode('Width').InnerText)" })
                # Columns without a width have what is left.
                ($widths | Measure-Object -Sum).Sum + $widths.Count - 1 + 8 * @($widths -eq 0).Count |
                    Should -BeLessOrEqual 80 -Because "$($view.Name) of $($view.ViewSelectedBy.TypeName[0])"
                $view
            }
        }

        @($tables).Count | Should -BeGreaterThan 50
    }

    It 'fit 80 columns, with all columns and the ends of paths: <_>' -ForEach $commands {
        $objects = Get-Object $_
        $narrow = ($objects | Out-Screen -Width 80) -split "`n"
        $wide = ($objects | Out-Screen -Width 400) -split "`n"
        $narrow | Where-Object { $_.TrimEnd().Length -gt 80 } | Should -BeNullOrEmpty
        $headings = foreach ($lines in $narrow, $wide) {
            $at = [array]::FindIndex($lines, [Predicate[string]] { $args[0] -match '^[- ]*--[- ]*$' })
            , (($at -gt 0 ? $lines[$at - 1].Trim() : '') -replace '\s+', ' ')
        }

        $headings[0] | Should -BeExactly $headings[1]
        if ($headings[0] -match ' Path$') {
            foreach ($path in $objects.Path | Where-Object { $_ } | Select-Object -Unique) {
                $end = [regex]::Escape($path.Substring([Math]::Max(0, $path.Length - 4)))
                @($narrow -match "$end( \(deleted\))? *$").Count | Should -BeGreaterThan 0 -Because "the end of $path is shown"
            }
        }
    }

    It 'name a file without the member of an archive where there is none' {
        foreach ($objects in (Get-ElfHeader -Path /bin/sh), (Get-ElfSegment -Path /bin/sh), (Get-ElfSection -Path /bin/sh), (Get-ElfSymbol -Path /bin/sh)) {
            @($objects).Count | Should -BeGreaterThan 0
            $objects | Out-Screen | Should -Not -Match '/sh\('
            $objects | Format-List | Out-Screen | Should -Match '(?m)^Path +: /bin/sh *$'
        }
    }

    It 'fold equal lines of a dump, or show them with -AllLines' {
        $folded = (Read-ProcessMemory $target.Id ($address + 4096) 256 | Out-Screen).Trim() -split "`n"
        $all = (Read-ProcessMemory $target.Id ($address + 4096) 256 -AllLines | Out-Screen).Trim() -split "`n"
        $all.Count | Should -Be 17
        $folded.Count | Should -BeLessThan 10
        $folded | Should -Contain '*'
        $folded[-1] | Should -Be $all[-1]
        $folded[0, 1] | Should -Be $all[0, 1]
    }

    It 'of matches with context fit 80 columns' {
        $lines = Search-ProcessMemory $target.Id -Text ELF -Context 64 -First 2 | Out-Screen -Width 80
        $lines -split "`n" | ForEach-Object { $_.TrimEnd().Length | Should -BeLessOrEqual 80 }
    }

    It 'have colours by $PSStyle where they mean something, and none where they are not wanted' {
        $code = $target.Ask('map 4096 rwx private').address
        $closed = $target.Ask('map 4096 --- private').address
        $script = "Import-Module '$PSScriptRoot/../../MemProc.psd1'; `$PSStyle.OutputRendering = '{0}'
            Get-ProcMap $($target.Id) -Address $code, $closed | Format-Table | Out-String -Width 100
            Test-ProcMemAccess $($target.Id) -Ability Maps, IdlePages, Poison, SoftDirty | Out-String -Width 100"
        # What cannot be made here: a difference without an explanation, and a poisoned frame.
        $coloured = (pwsh -NoProfile -NonInteractive -Command "$($script -f 'Ansi')
            [MemProc.PowerShell.Emphasis]::Explanation('Content', 'None')
            [MemProc.PowerShell.Emphasis]::FrameFlags(@('lru', 'hwpoison'))
            [MemProc.PowerShell.Emphasis]::Allowed(`$false)") -join "`n"
        $coloured | Should -Match "`e\[31;1mrwxp`e\[0m"
        $coloured | Should -Match "`e\[2m---p`e\[0m"
        $coloured | Should -Match "`e\[31;1mNone`e\[0m"
        $coloured | Should -Match "`e\[31;1mlru,hwpoison`e\[0m"
        $coloured | Should -Match "(?m)^`e\[31;1mno`e\[0m"
        $coloured | Should -Match "Maps +yes"
        $plain = (pwsh -NoProfile -NonInteractive -Command ($script -f 'PlainText')) -join "`n"
        $redirected = (pwsh -NoProfile -NonInteractive -Command ($script -f 'Host')) -join "`n"
        $none = (env NO_COLOR=1 pwsh -NoProfile -NonInteractive -Command $script.Replace("`$PSStyle.OutputRendering = '{0}'", '')) -join "`n"
        foreach ($text in $plain, $redirected, $none) {
            $text | Should -Match 'rwxp'
            $text | Should -Not -Match "`e"
        }
    }
}

Describe 'Properties of processes' {
    It 'adds Pss, Uss and Maps to process objects' {
        $process = Get-Process -Id $target.Id
        $process.Pss | Should -BeGreaterThan 1MB
        $process.Uss | Should -BeLessOrEqual $process.Pss
        $process.Maps | Should -BeOfType MemProc.ProcMap
        ($process.Maps | Where-Object Kind -EQ Stack).ProcessId | Should -Be $target.Id
        $dead = Start-Target
        $process = Get-Process -Id $dead.Id
        $dead.Kill()
        $process.Pss | Should -BeNullOrEmpty
    }
}
