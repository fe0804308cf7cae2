# What cmdlets answer from a core with page information, and that an object from a core never reaches a live process.

BeforeDiscovery {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $piped = Get-Command -Module MemProc | Where-Object {
        $_.Parameters.Values.Attributes.Where{ $_ -is [Parameter] -and ($_.ValueFromPipeline -or $_.ValueFromPipelineByPropertyName) }
    } | ForEach-Object Name | Sort-Object
}

BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
    $core = Join-Path $TestDrive 'target.core'
    $dump = Save-ProcessMemory -Id $target.Id -Path $core -Stop -PageInfo -WarningAction SilentlyContinue
    $isRoot = (id -u) -eq 0
    $objects = @(
        Get-ProcMap -CorePath $core -Path libc.so.6 | Where-Object IsExecutable
        Get-PageMapEntry -CorePath $core -Address $seed
        Read-ProcessMemory -CorePath $core -Address $seed -Length 16
        Resolve-ProcAddress -CorePath $core -Address 'libc.so.6!malloc'
        (Get-ProcessCore $core).Threads[0]
        Get-ElfSymbol -CorePath $core -Address libc.so.6 -Name malloc | Select-Object -First 1
        # Ranges that neither core has.
        (Compare-ProcessMemory $core $core -Summary).Maps[0]
        if ($isRoot) { Get-PageFlags -CorePath $core | Select-Object -First 1 }
    )
}

AfterAll {
    Stop-Target
}

Describe 'A core with page information' {
    It 'has the pages of the process' {
        $dump.HasPageInfo | Should -BeTrue
        $live = Get-PageMapEntry $target.Id $seed 8192
        $saved = Get-PageMapEntry -CorePath $core -Address $seed -Length 8192
        $saved.Pfn | Should -Be $live.Pfn
        $saved.State | Should -Be $live.State
        $saved.CorePath | Should -Be $core, $core
        (Get-ProcMap -CorePath $core -Kind Stack | Get-PageMapEntry -Present | Select-Object -Last 1).Path | Should -Be '[stack]'
        Get-Item $core | Get-PageMapEntry -Anonymous -Run | Should -Not -BeNullOrEmpty
        { Get-PageMapEntry -CorePath $core -WithNode -ErrorAction Stop } | Should -Throw -ErrorId 'ReadCore,EOPNOTSUPP,*'
    }

    It 'has flags, map counts, and cgroups of the frames' {
        Assert-Root
        $page = Get-PageMapEntry -CorePath $core -Address $seed -WithFlags -WithMapCount -WithCgroup
        $page.Flags | Should -Contain 'anonymous'
        $page.MapCount | Should -Be 1
        $frame = $page | Get-PageFlags
        $frame.Pfn | Should -Be $page.Pfn
        $frame.CorePath | Should -Be $core
        $frame.RawFlags | Should -Be $page.RawFlags
        Get-PageMapEntry -CorePath $core -Flag anonymous -NotFlag mmap | Should -BeNullOrEmpty
        $all = Get-PageFlags -CorePath $core -Run
        ($all | Measure-Object PageCount -Sum).Sum | Should -Be @(Get-Item $core | Get-PageFlags).Count
        $pages = (Measure-PageFlags -CorePath $core | Measure-Object PageCount -Sum).Sum
        $pages | Should -Be @(Get-PageMapEntry -CorePath $core -Present).Count
        ($page | Measure-PageFlags).PageCount | Should -Be 1
        (Get-ProcMap -CorePath $core -Address $seed | Measure-PageFlags -Flag anonymous).PageCount | Should -BeGreaterThan 1
        { Get-PageFlags -CorePath $core -Pfn 0xfffffffffff -ErrorAction Stop } | Should -Throw -ErrorId 'ReadPageFlags,ENODATA,*'
    }

    It 'has smaps and the counters of the process' {
        (Get-ProcMap -CorePath $core -Detailed -Kind Stack).RssBytes | Should -BeGreaterThan 0
        (Get-ProcMemoryStatus -CorePath $core -Detailed).PssBytes | Should -BeGreaterThan 0
        $limits = Get-ProcMemoryStatus -CorePath $core -Headroom
        $live = Get-ProcMemoryStatus $target.Id -Headroom
        $limits.CorePath | Should -Be $core
        $limits.StackLimitBytes, $limits.MaxMapCount, $limits.OomScoreAdj | Should -Be $live.StackLimitBytes, $live.MaxMapCount, $live.OomScoreAdj
        $limits | Out-Screen | Should -Match 'Mappings +: \d+ of \d+'
        $described = Get-ProcessCore $core
        $described.Kernel | Should -Be (Get-Content /proc/version)
        $described | Out-Screen | Should -Match 'Kernel +: Linux version'
    }

    It 'is read by each cmdlet that takes cores, from the pipeline too' {
        Get-Item $core | Get-ProcMap -Kind Stack | ForEach-Object CorePath | Should -Be $core
        # A file is an ELF file for the cmdlets about those: its own headers.
        (Get-Item $core | Get-ElfHeader).Type | Should -Be 'Core'
        (Get-Item $core | Get-ElfSegment | Where-Object Type -EQ Note).Count | Should -Be 3
        (Get-ElfHeader -CorePath $core -Address libc.so.6).Type | Should -Not -Be 'Core'
        $code = Get-Disassembly -CorePath $core -Address 'libc.so.6!malloc' -Count 3
        $code.Text | Should -Be (Get-Disassembly $target.Id 'libc.so.6!malloc' -Count 3).Text
        $code[0].CorePath | Should -Be $core
        # All mappings, with the kernel's page among them.
        $found = Get-ProcMap -CorePath $core | Search-ProcessMemory -Text 'PATH=' -ErrorAction Stop
        $found | Should -Not -BeNullOrEmpty
        $found | ForEach-Object Address |
            Should -Be (Search-ProcessMemory -CorePath $core -Text 'PATH=' | ForEach-Object Address)
        { Search-ProcessMemory -CorePath $core -Text x -Address 0xffffffffff600000 -ErrorAction Stop } | Should -Throw '*vsyscall*'
        (Get-ProcessCore $core).Threads[0] | Get-Disassembly -Count 1 | Should -HaveCount 1
    }

    It 'leaves the memory out with -NoContent' {
        $path = Join-Path $TestDrive 'layout.core'
        $layout = Save-ProcessMemory -Id $target.Id -Path $path -Stop -PageInfo -NoContent -WarningAction SilentlyContinue
        $layout.SavedBytes | Should -Be 0
        $layout.SizeBytes | Should -BeLessThan $dump.SizeBytes
        (Get-PageMapEntry -CorePath $path -Address $seed).IsPresent | Should -BeTrue
        (Read-ProcessMemory -CorePath $path -Address $seed -Length 8).Gaps.Kind | Should -Be 'NotSaved'
        { Save-ProcessMemory -Id $target.Id -Path (Join-Path $TestDrive raw) -Format Raw -PageInfo } |
            Should -Throw -ErrorId 'Format,EINVAL,*'
    }

    It 'is missing in other cores, which is said' {
        $path = Join-Path $TestDrive 'plain.core'
        Save-ProcessMemory -Id $target.Id -Path $path -Stop -NoContent -WarningAction SilentlyContinue | Out-Null
        $failures = @()
        $null = @(
            Get-PageMapEntry -CorePath $path -ErrorAction SilentlyContinue -ErrorVariable +failures
            Measure-PageFlags -CorePath $path -ErrorAction SilentlyContinue -ErrorVariable +failures
            Get-PageFlags -CorePath $path -ErrorAction SilentlyContinue -ErrorVariable +failures
            Get-ProcMap -CorePath $path -Detailed -ErrorAction SilentlyContinue -ErrorVariable +failures
            Get-ProcMemoryStatus -CorePath $path -Detailed -ErrorAction SilentlyContinue -ErrorVariable +failures
            Get-ProcMemoryStatus -CorePath $path -Headroom -ErrorAction SilentlyContinue -ErrorVariable +failures
        )
        $failures | Should -HaveCount 6
        $failures | ForEach-Object { "$_" | Should -BeLike '*the core has no page information. Save-ProcessMemory -PageInfo*' }
    }

    It 'is decompressed by a library that is loaded when the first core of zstd is opened' {
        if (-not (Get-Command zstd -ErrorAction Ignore)) {
            Set-ItResult -Skipped -Because 'it needs zstd'
            return
        }

        zstd -q -k $core
        $script = '[AppDomain]::CurrentDomain.GetAssemblies().GetName().Name -contains "ZstdSharp"
            $null = Get-ProcMap -CorePath {0}
            [AppDomain]::CurrentDomain.GetAssemblies().GetName().Name -contains "ZstdSharp"
            (Get-ProcMap -CorePath {0}.zst).Count
            [AppDomain]::CurrentDomain.GetAssemblies().GetName().Name -contains "ZstdSharp"' -f $core
        Invoke-OtherPwsh $script | Should -Be 'False', 'False', "$(@(Get-ProcMap -CorePath $core).Count)", 'True'
    }
}

Describe 'Objects from a core' {
    It '<_> answers from the core, or refuses it, and leaves the live process alone' -ForEach $piped {
        $name = $_
        $arguments = switch ($name) {
            'Write-ProcessMemory' { @{ Bytes = 1; Confirm = $false } }
            'Watch-ProcessMemory' { @{ Type = 'byte'; Timeout = 1 } }
            'Save-ProcessMemory' { @{ Path = Join-Path $TestDrive 'never' } }
            'Invoke-ProcessMemoryAdvice' { @{ Cold = $true; Confirm = $false } }
            'Get-Disassembly' { @{ Count = 2 } }
            'Get-ElfSymbol' { @{ Name = 'malloc' } }
            'Search-ProcessMemory' { @{ Text = 'garlic' } }
            'New-ProcessMemoryScan' { @{ Type = 'byte'; Value = 1; ErrorAction = 'SilentlyContinue' } }
            'Select-ProcessMemoryMatch' { @{ Unchanged = $true } }
            { $_ -match '^(Set|Clear|Undo)-' } { @{ Confirm = $false } }
            default { @{} }
        }
        $cores = $ended = 0
        foreach ($object in $objects) {
            $failures = $null
            try {
                $results = @($object | & $name @arguments -ErrorAction SilentlyContinue -ErrorVariable failures -WarningAction SilentlyContinue)
            }
            catch {
                # Terminating errors: the kernel lacks what the cmdlet requires; or the object does not bind at all.
                if ($_.Exception -isnot [MemProc.MemProcException] -and $_.Exception -isnot [ArgumentException] -and
                    $_.Exception -isnot [Management.Automation.ParameterBindingException]) {
                    throw
                }

                $ended++
                continue
            }

            $own = $results | Where-Object { $null -ne $_.PSObject.Properties['ProcessId'] -or $null -ne $_.PSObject.Properties['CorePath'] }
            foreach ($result in $own) {
                $result.CorePath | Should -Be $core -Because "$name was given $($object.GetType().Name)"
            }

            foreach ($failure in $failures | Where-Object { $_ -is [Management.Automation.ErrorRecord] }) {
                $isRefusal = $failure.FullyQualifiedErrorId -like 'ReadCore,EOPNOTSUPP,*'
                $cores += $isRefusal ? 1 : 0
                if ($isRefusal) {
                    "$failure" | Should -BeLike "*is a core file: $name requires a live process."
                }
            }

            $cores += @($own).Count
        }

        Join-Path $TestDrive 'never' | Should -Not -Exist
        # These take scans, writes, and paths, or count without saying of what.
        if ($cores -eq 0 -and $name -notmatch '^(Undo-|Get-ProcessMemoryMatch|Select-|Get-FilePage|Measure-PageFlags)') {
            $ended | Should -BeGreaterThan 0 -Because "$name neither answers nor refuses"
            Set-ItResult -Skipped -Because "this kernel or user has not what $name requires"
        }
    }

    It 'have left the process as it was' {
        $target.Process.HasExited | Should -BeFalse
        $page = Get-PageMapEntry -CorePath $core -Address $seed
        (Get-PageMapEntry $target.Id $seed).Pfn | Should -Be $page.Pfn
        [Convert]::ToHexString((Read-ProcessMemory $target.Id $seed 64 -Raw)) |
            Should -Be ([Convert]::ToHexString((Read-ProcessMemory -CorePath $core -Address $seed -Length 64 -Raw)))
    }
}
