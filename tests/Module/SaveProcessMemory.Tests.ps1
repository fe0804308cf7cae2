# Save-ProcessMemory in a real pwsh, with MemProc.Target as the process.

BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $address = $target.Ask('map 16384 rw- private').address
    $null = $target.Ask("fill $address 16384 3")
    $map = Get-ProcMap $target.Id $address
}

AfterAll {
    Stop-Target
}

Describe 'Save-ProcessMemory' {
    It 'saves a core with the registers of all threads' {
        $path = Join-Path $TestDrive all.core
        $dump = Save-ProcessMemory $target.Id $path -Stop -WarningVariable warning
        $dump | Should -BeOfType MemProc.MemoryDump
        $dump.Path | Should -Be $path
        $dump.Format | Should -Be Core
        $dump.IsConsistent | Should -BeTrue
        $dump.ThreadCount | Should -BeGreaterThan 1
        $dump.SizeBytes | Should -Be (Get-Item $path).Length
        $warning | Should -BeNullOrEmpty
        (Get-Content $path -AsByteStream -TotalCount 4) | Should -Be 0x7f, 0x45, 0x4c, 0x46
    }

    It 'warns that a process that was not stopped has no registers' {
        $dump = Get-Process -Id $target.Id | Save-ProcessMemory -Path (Join-Path $TestDrive running.core) `
            -WarningVariable warning -WarningAction SilentlyContinue
        $dump.ThreadCount | Should -Be 0
        $dump.IsConsistent | Should -BeFalse
        "$warning" | Should -BeLike '*no registers*'
    }

    It 'saves all mappings from the pipeline into one destination' {
        $path = Join-Path $TestDrive raw
        $maps = @($map) + @(Get-ProcMap $target.Id -Kind Stack)
        $dump = $maps | Save-ProcessMemory -Path $path -Format Raw -WarningAction SilentlyContinue
        $dump.MappingCount | Should -Be 2
        $index = Get-Content $path/index.json -Raw | ConvertFrom-Json
        $index.mappings.start | Should -Be ($maps | ForEach-Object { '0x{0:x}' -f $_.Start })
        $there = [System.IO.File]::ReadAllBytes((Join-Path $path $index.mappings[0].file))
        $here = Read-ProcessMemory $target.Id $address 16384 -Raw
        [System.Linq.Enumerable]::SequenceEqual([byte[]] $there, [byte[]] $here) | Should -BeTrue
    }

    It 'uses the mapping of an address, and a range with a length' {
        $dump = Save-ProcessMemory $target.Id (Join-Path $TestDrive one.core) -Address ($address + 8) -WarningAction SilentlyContinue
        $dump.SavedBytes | Should -Be 16384
        $dump = Save-ProcessMemory $target.Id (Join-Path $TestDrive range) -Address ($address + 8) -Length 100 -Format Raw `
            -WarningAction SilentlyContinue
        $dump.SavedBytes | Should -Be 100
    }

    It 'saves nothing with -WhatIf, and shows what it would save and where' {
        $path = Join-Path $TestDrive whatif.core
        $shown = pwsh -NoProfile -NonInteractive -Command "Import-Module '$PSScriptRoot/../../MemProc.psd1'
            Save-ProcessMemory $($target.Id) '$path' -Stop -WhatIf" | Out-String
        $shown -replace '\s+', ' ' | Should -Match 'What if: Save the memory of process \d+ \(dotnet\) while it is stopped to'
        Test-Path $path | Should -BeFalse
    }

    It 'rejects -Length without -Address, and saves the other ranges if one address is invalid' {
        $path = Join-Path $TestDrive ranges.core
        { Save-ProcessMemory $target.Id $path -Length 4096 } |
            Should -Throw -ErrorId 'Address,EINVAL,MemProc.PowerShell.SaveProcessMemoryCommand'
        Test-Path $path | Should -BeFalse
        $dump = Save-ProcessMemory $target.Id $path -Address 'nothing.so!here', $map.Start -Length 4096 `
            -ErrorVariable problem -ErrorAction SilentlyContinue -WarningAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -BeLike 'ResolveAddress,ENOENT,*'
        $dump.SavedBytes | Should -Be 4096
    }

    It 'overwrites with -Force only' {
        $path = Join-Path $TestDrive there.core
        Set-Content $path mine
        $problem = { $map | Save-ProcessMemory -Path $path -ErrorAction Stop } | Should -Throw '*Use -Force to replace it*' -PassThru
        $problem.FullyQualifiedErrorId | Should -Be 'WriteFile,EEXIST,MemProc.PowerShell.SaveProcessMemoryCommand'
        $problem.CategoryInfo.Category | Should -Be ResourceExists
        Get-Content $path | Should -Be mine
        $dump = $map | Save-ProcessMemory -Path $path -Force -WarningAction SilentlyContinue
        $dump.SavedBytes | Should -Be 16384
    }

    It 'saves each process as a separate core in a folder, and no two to the same file' {
        $other = Start-Target
        $folder = (New-Item (Join-Path $TestDrive cores) -ItemType Directory).FullName
        $dumps = Save-ProcessMemory $target.Id, $other.Id $folder -WarningAction SilentlyContinue
        $dumps.Path | Should -Be (Join-Path $folder "core.$($target.Id)"), (Join-Path $folder "core.$($other.Id)")
        $dumps = Save-ProcessMemory $target.Id, $other.Id (Join-Path $TestDrive both.core) -Force `
            -WarningAction SilentlyContinue -ErrorAction SilentlyContinue -ErrorVariable problem
        $dumps.ProcessId | Should -Be $target.Id
        $problem[0].FullyQualifiedErrorId | Should -Be 'WriteFile,EEXIST,MemProc.PowerShell.SaveProcessMemoryCommand'
    }

    It 'treats wildcard characters literally with -LiteralPath, relative to the location' {
        Push-Location $TestDrive
        try {
            $dump = $map | Save-ProcessMemory -LiteralPath 'a[1].core' -WarningAction SilentlyContinue
            $dump.Path | Should -Be (Join-Path $TestDrive 'a[1].core')
            $map | Save-ProcessMemory -Path 'none[1].core' -ErrorAction SilentlyContinue -ErrorVariable problem
            $problem[0].FullyQualifiedErrorId | Should -Be 'Path,EINVAL,MemProc.PowerShell.SaveProcessMemoryCommand'
        }
        finally {
            Pop-Location
        }
    }

    It 'rejects unmapped addresses, missing processes and processes that cannot be stopped' {
        { Save-ProcessMemory $target.Id (Join-Path $TestDrive x) -Address 0x10 -ErrorAction Stop } |
            Should -Throw -ErrorId 'FindMap,ENOENT,MemProc.PowerShell.SaveProcessMemoryCommand'
        { Save-ProcessMemory -Path (Join-Path $TestDrive x) -Stop -ErrorAction Stop } |
            Should -Throw -ErrorId 'StopProcess,EPERM,MemProc.PowerShell.SaveProcessMemoryCommand'
        $dead = Start-Target
        $dead.Kill()
        { Save-ProcessMemory $dead.Id (Join-Path $TestDrive x) -ErrorAction Stop } |
            Should -Throw -ErrorId 'OpenProcess,ESRCH,MemProc.PowerShell.SaveProcessMemoryCommand'
        Test-Path (Join-Path $TestDrive x) | Should -BeFalse
    }

    It 'fits 80 columns, and has the same view from a job' {
        $path = Join-Path $TestDrive job.core
        $dump = $map | Save-ProcessMemory -Path $path -WarningAction SilentlyContinue
        $screen = $dump | Out-Screen -Width 80
        $screen -split "`n" | ForEach-Object { $_.Length | Should -BeLessOrEqual 80 }
        $screen | Should -Match '16 KiB'
        $root = Resolve-Path $PSScriptRoot/../..
        $back = Start-Job { Import-Module "$using:root/MemProc.psd1"
            Save-ProcessMemory $using:target.Id $using:path -Address $using:address -Force -WarningAction SilentlyContinue } |
            Receive-Job -Wait -AutoRemoveJob
        ($back | Out-Screen).Trim() | Should -Be ($dump | Out-Screen).Trim()
        $back.Time | Should -BeOfType [datetime]
        $back.Time | Should -BeGreaterOrEqual $dump.Time
    }
}
