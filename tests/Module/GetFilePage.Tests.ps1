BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $page = [Environment]::SystemPageSize

    # A file of ten pages and a partial one, all in memory.
    $file = Join-Path $TestDrive 'cached'
    [System.IO.File]::WriteAllBytes($file, [byte[]]::new(10 * $page + 1))

    # Drops all but some pages of the file from memory; skips the test if the temporary folder is itself in memory.
    function Reset-Cache([int[]] $Keep) {
        $null = $target.Ask("evict 0 0 $file")
        if ((Get-FilePage $file -Summary).ResidentPages -ne 0) {
            Set-ItResult -Skipped -Because 'it needs a temporary folder on a disk, whose pages can be dropped'
            return $false
        }

        $handle = [System.IO.File]::OpenHandle($file, 'Open', 'Read', 'ReadWrite', 'RandomAccess')
        foreach ($index in $Keep) {
            $null = [System.IO.RandomAccess]::Read($handle, [byte[]]::new(1), $index * $page)
        }

        $handle.Dispose()
        $true
    }
}

AfterAll {
    Stop-Target
}

Describe 'Get-FilePage' {
    It 'reads files whose names are not UTF-8, by -Recurse and by its paths' {
        $folder = (New-Item -ItemType Directory (Join-Path $TestDrive bytes)).FullName
        sh -c 'printf page > "$0/$(printf ''l\377\303'')"' $folder
        try {
            $pages = Get-FilePage $folder -Recurse -Summary
            $pages.Path | Should -Be "$folder/l$([char] 0xdcff)$([char] 0xdcc3)"
            (Get-FilePage -LiteralPath $pages.Path -Summary).SizeBytes | Should -Be 4
            (Get-FilePage $pages.Path -Summary).SizeBytes | Should -Be 4
            ($pages | Get-FilePage -Summary).SizeBytes | Should -Be 4
            $pages | Out-Screen | Should -BeLike '*/l\xff\xc3*'
        }
        finally {
            find $folder -mindepth 1 -delete
        }
    }

    It 'returns the pages in memory, and faults none in' {
        if (-not (Reset-Cache -Keep 2, 3, 10)) {
            return
        }

        $pages = Get-FilePage $file
        $pages | Should -BeOfType MemProc.FilePage
        $pages.PageIndex | Should -Be 2, 3, 10
        $pages[2].PageIndex | Should -BeOfType [ulong]
        $pages.Offset | Should -Be (2 * $page), (3 * $page), (10 * $page)
        $pages.IsResident | Should -Be $true, $true, $true
        $pages.Path | Select-Object -Unique | Should -Be $file
        $all = Get-FilePage $file -All
        $all.PageIndex | Should -Be (0..10)
        ($all | Where-Object IsResident).PageIndex | Should -Be 2, 3, 10
        $all[0].State, $all[0].Pfn | Should -Be 'absent', $null
        if (Test-IsRoot) {
            (Get-FilePage $file -WithFlags).Count | Should -Be 3
        }

        (Get-FilePage $file).PageIndex | Should -Be 2, 3, 10
    }

    It 'summarizes a file' {
        if (-not (Reset-Cache -Keep 2, 3, 10)) {
            return
        }

        $sum = Get-FilePage $file -Summary
        $sum | Should -BeOfType MemProc.FilePageSummary
        $sum.SizeBytes, $sum.PageCount | Should -Be (10 * $page + 1), 11
        $sum.ResidentPages, $sum.ResidentBytes, $sum.RunCount | Should -Be 3, (3 * $page), 2
        [math]::Round($sum.ResidentPercent, 3) | Should -Be 27.273
        $item = Get-Item $file
        $sum.ModifyTime, $sum.AccessTime | Should -Be $item.LastWriteTime, $item.LastAccessTime
        "$($sum.Inode) $(([datetimeoffset] $sum.ChangeTime).ToUnixTimeSeconds())" | Should -Be (stat -c '%i %Z' $file)
        $fincore = Get-Command fincore -ErrorAction Ignore
        if ($fincore) {
            [int] (& $fincore --noheadings --output PAGES $file) | Should -Be 3
        }
    }

    It 'returns the frames that a process maps, with flags on request' {
        Assert-Root
        $address = $target.Ask("file 0 $(4 * $page) r-- shared $file").address
        $null = $target.Ask("peek $address $(4 * $page)")
        $expected = (Get-PageMapEntry $target.Id $address -Count 4).Pfn
        $pages = Get-FilePage $file | Select-Object -First 4
        $pages.Pfn | Should -Be $expected
        $pages[0].PhysicalAddress | Should -Be ($expected[0] * $page)
        $pages[0].RawFlags, $pages[0].Flags, $pages[0].Symbol, $pages[0].MapCount | Should -Be $null, $null, $null, $null
        $flagged = Get-FilePage $file -WithFlags | Select-Object -First 4
        $flagged.MapCount | Should -Be 1, 1, 1, 1
        $flagged[0].Flags | Should -Contain 'mmap'
        # Uptodate and mmap do not change; others, such as lru, can change between two reads.
        $flagged.ForEach({ $_.RawFlags -band 0x808 }) | Should -Be 0x808, 0x808, 0x808, 0x808
        $flagged.Symbol | Should -MatchExactly '^...U.......M'
        $flagged.CgroupInode | Should -Be ($pages | Get-PageFlags).CgroupInode
        $pages[1] | Find-ProcessByPfn -Id $target.Id | ForEach-Object Address | Should -Be ($address + $page)
        $null = $target.Ask("unmap $address $(4 * $page)")
    }

    It 'accepts files as text, objects, wildcards and links' {
        $null = New-Item "$TestDrive/kinds/inner" -ItemType Directory -Force
        'one', 'two[1]' | ForEach-Object { [System.IO.File]::WriteAllText("$TestDrive/kinds/$_", $_) }
        [System.IO.File]::WriteAllText("$TestDrive/kinds/inner/three", 'three')
        $null = New-Item "$TestDrive/kinds/link" -ItemType SymbolicLink -Target "$TestDrive/kinds/one"
        $names = { ($args | Get-FilePage -Summary).Path | Split-Path -Leaf | Sort-Object }
        & $names "$TestDrive/kinds/one" "$TestDrive/kinds/link" | Should -Be 'link', 'one'
        (Get-FilePage -LiteralPath "$TestDrive/kinds/two[1]").PageIndex | Should -Be 0
        (Get-FilePage "$TestDrive/kinds/*o*" -Summary).Path | Split-Path -Leaf | Sort-Object | Should -Be 'one', 'two[1]'
        # Folders that are not named explicitly are skipped, and so are links inside folders.
        (Get-ChildItem "$TestDrive/kinds" | Get-FilePage -Summary -ErrorAction Stop).Path | Split-Path -Leaf |
            Sort-Object | Should -Be 'link', 'one', 'two[1]'
        (Get-FilePage "$TestDrive/kinds" -Recurse -Summary).Path | Split-Path -Leaf | Sort-Object |
            Should -Be 'one', 'three', 'two[1]'
        Push-Location $TestDrive/kinds
        (Get-FilePage one).Path | Should -Be "$TestDrive/kinds/one"
        Pop-Location
    }

    It 'writes no pages for an empty file, and a summary of zero pages' {
        $empty = New-Item $TestDrive/empty -ItemType File -Force
        Get-FilePage $empty -All | Should -BeNullOrEmpty
        $sum = $empty | Get-FilePage -Summary
        $sum.PageCount, $sum.ResidentPages, $sum.ResidentPercent | Should -Be 0, 0, 0
    }

    It 'writes <id> for <path>, and continues' -ForEach @(
        @{ path = '/no-such-file'; id = 'FindFile,ENOENT'; category = 'ObjectNotFound' }
        @{ path = '/proc'; id = 'FindFile,EISDIR'; category = 'InvalidArgument' }
        @{ path = '/sys/kernel/mm/transparent_hugepage/enabled'; id = 'ReadFilePages,ENODEV'; category = 'NotImplemented' }
        @{ path = 'env:PATH'; id = 'Path,EINVAL'; category = 'InvalidArgument' }
    ) {
        if ($path -like '/sys/*' -and -not (Test-Path $path)) {
            Set-ItResult -Skipped -Because "it needs $path"
            return
        }

        $found = Get-FilePage $path, $file -Summary -ErrorVariable problem -ErrorAction SilentlyContinue
        $found.Path | Should -Be $file
        $problem.Count | Should -Be 1
        $problem[0].FullyQualifiedErrorId | Should -Be "$id,MemProc.PowerShell.GetFilePageCommand"
        $problem[0].CategoryInfo.Category | Should -Be $category
        $problem[0].TargetObject | Should -Be $path
    }

    It 'skips devices and pipes, and reports them with -Verbose' {
        $messages = Get-FilePage /dev/null, $file -Summary -Verbose 4>&1
        @($messages | Where-Object { $_ -is [System.Management.Automation.VerboseRecord] }).Message |
            Should -Be '/dev/null is not a regular file and has no pages of its own.'
        @($messages | Where-Object { $_ -is [MemProc.FilePageSummary] }).Count | Should -Be 1
    }

    It 'selects pages by range, flags and cgroup, and joins runs' {
        Assert-Root
        if (-not (Reset-Cache -Keep 2, 3, 4, 10)) {
            return
        }

        (Get-FilePage $file -Offset (3 * $page + 1)).PageIndex | Should -Be 3, 4, 10
        (Get-FilePage $file -Offset (3 * $page + 1) -Length $page).PageIndex | Should -Be 3, 4
        (Get-FilePage $file -Length (3 * $page) -All).PageIndex | Should -Be 0, 1, 2
        $marked = Get-FilePage $file -Flag uptodate -NotFlag mmap
        $marked.PageIndex | Should -Be 2, 3, 4, 10
        $marked[0].Flags | Should -Contain 'uptodate'
        Get-FilePage $file -Flag anon | Should -BeNullOrEmpty
        (Get-FilePage $file -Cgroup "@$($marked[0].CgroupInode)").PageIndex | Should -Contain 2
        (Get-FilePage $file -Raw | Select-Object -First 1).Flags | Should -Contain 'file'
        $runs = Get-FilePage $file -All -Run
        ($runs | Measure-Object PageCount -Sum).Sum | Should -Be 11
        $runs[0].State, $runs[0].PageCount | Should -Be 'absent', 2
        ($runs | Where-Object IsResident | Measure-Object PageCount -Sum).Sum | Should -Be 4
        foreach ($run in $runs | Where-Object PageCount -gt 1 | Where-Object IsResident) {
            $pages = Get-FilePage $file -Offset $run.Offset -Length ($run.PageCount * $page)
            $pages.Pfn | Should -Be ($run.Pfn..($run.Pfn + $run.PageCount - 1))
        }
    }

    It 'rejects -Summary with parameters for single pages' {
        foreach ($switch in @{ All = $true }, @{ WithFlags = $true }, @{ Run = $true }, @{ Flag = 'lru' }, @{ Offset = 1 }) {
            { Get-FilePage $file -Summary @switch } |
                Should -Throw -ErrorId 'Summary,EINVAL,MemProc.PowerShell.GetFilePageCommand'
        }
    }

    It 'reports unknown residency as unknown, and hidden frames as hidden' {
        Assert-Root
        if (-not (Get-Command setpriv -ErrorAction Ignore)) {
            Set-ItResult -Skipped -Because 'it needs setpriv'
            return
        }

        # Module and files must be readable for the other user, wherever the repository is.
        $copy = Join-Path ([System.IO.Path]::GetTempPath()) "memproc-$([guid]::NewGuid())"
        try {
            $null = New-Item $copy/own -ItemType Directory
            Copy-Item $PSScriptRoot/../../MemProc.psd1, $PSScriptRoot/../../lib $copy -Recurse
            'closed', 'theirs', 'own/file' | ForEach-Object { [System.IO.File]::WriteAllBytes("$copy/$_", [byte[]]::new(2 * $page)) }
            $null = $target.Ask("evict 0 0 $copy/theirs")
            $before = (Get-FilePage $copy/theirs -Summary).ResidentPages
            chmod -R a+rX $copy
            chmod 600 $copy/closed
            chown -R 65534 $copy/own
            $script = "Import-Module $copy/MemProc.psd1
                `$ErrorActionPreference = `$WarningPreference = 'SilentlyContinue'
                `$sum = Get-FilePage $copy/theirs, $copy/own/file -Summary -WarningVariable warnings
                `$sum.PageCount -join ' '
                (`$sum | ForEach-Object { `$_.ResidentPages ?? 'null' }) -join ' '
                `$warnings.Count
                `$warnings[0].Message
                (Get-FilePage $copy/theirs -All).State -join ' '
                Get-FilePage $copy/theirs, $copy/closed -ErrorVariable refused
                `$refused.FullyQualifiedErrorId -join ' '
                `$pages = Get-FilePage $copy/own/file -WarningVariable warnings
                (`$pages.State + `$pages.IsPfnHidden + `$pages.ForEach({ `$_.Pfn ?? 'null' })) -join ' '
                `$warnings.Count
                `$warnings[0].Message
                try { Get-FilePage $copy/own/file -WithFlags } catch { `$_.FullyQualifiedErrorId }
                `$sum, `$pages | ForEach-Object { `$_ | Out-String -Width 100 }"
            $answer = setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/tmp XDG_CACHE_HOME=$copy/none `
                DOTNET_EnableDiagnostics=0 NO_COLOR=1 pwsh -NoProfile -NonInteractive -Command $script
            $after = (Get-FilePage $copy/theirs -Summary).ResidentPages
        }
        finally {
            Remove-Item $copy -Recurse -Force
        }

        $refusal = 'MemProc.PowerShell.GetFilePageCommand'
        $answer[0] | Should -Be '2 2'
        $answer[1] | Should -Be 'null 2'
        $answer[2] | Should -Be 1
        $answer[3] | Should -Match 'ownership of the file'
        $answer[4] | Should -Be 'unknown unknown'
        $answer[5] | Should -Be "ReadFilePages,EPERM,$refusal ReadFilePages,EACCES,$refusal"
        $answer[6] | Should -Be 'resident resident True True null null'
        $answer[7] | Should -Be 1
        $answer[8] | Should -Match 'CAP_SYS_ADMIN'
        $answer[9] | Should -Be "ReadPageFlags,EACCES,$refusal"
        $screen = $answer[10..$answer.Count] -join "`n"
        $screen | Should -Match 'unknown +[0-9]+ KiB .*theirs'
        $screen | Should -Match '0x0 resident +hidden'
        # The kernel reports all pages as resident to this user; a naive implementation would fault them all in.
        $after | Should -Be $before
    }

    It 'shows files within 80 columns and without control characters' {
        $name = Join-Path $TestDrive "$([char] 27)[31mred`nname"
        [System.IO.File]::WriteAllBytes($name, [byte[]]::new(3 * $page))
        $pages = Get-FilePage -LiteralPath $name
        $sum = Get-FilePage -LiteralPath $name -Summary
        # Pester could not remove the folder with this file name.
        [System.IO.File]::Delete($name)
        $pages[0].Path | Should -BeExactly $name
        foreach ($screen in ($pages | Out-Screen -Width 300), ($pages | Format-List | Out-Screen -Width 300),
            ($sum | Out-Screen -Width 300), ($sum | Format-List | Out-Screen -Width 300)) {
            $screen | Should -Match '\[31mred\\x0aname'
            $screen | Should -Not -Match "`e"
        }

        $pages | Out-Screen | Should -Match "File: .*red(.|\n)* 1 +0x$('{0:x}' -f $page) resident"
        $sum | Out-Screen | Should -Match ("{0} KiB +{0} KiB +100 +1 " -f (3 * $page / 1KB))
        foreach ($screen in ($pages | Out-Screen -Width 80), ($sum | Out-Screen -Width 80)) {
            # The heading of a group is as long as the path.
            $screen -split "`n" -notmatch 'File:' | ForEach-Object Length | Measure-Object -Maximum |
                ForEach-Object Maximum | Should -BeLessOrEqual 80
        }
    }

    It 'keeps properties and views through a job' {
        $root = Resolve-Path $PSScriptRoot/../..
        $here = (Get-FilePage $file -Summary), (Get-FilePage $file | Select-Object -First 2)
        $back = Start-Job {
            Import-Module "$using:root/MemProc.psd1"
            Get-FilePage $using:file -Summary
            Get-FilePage $using:file | Select-Object -First 2
        } | Receive-Job -Wait -AutoRemoveJob
        $back[0].PSObject.TypeNames | Should -Contain 'Deserialized.MemProc.FilePageSummary'
        $back[1].PSObject.TypeNames | Should -Contain 'Deserialized.MemProc.FilePage'
        ($back[0] | Out-Screen).Trim() | Should -Be ($here[0] | Out-Screen).Trim()
        ($back[1, 2] | Out-Screen).Trim() | Should -Be ($here[1] | Out-Screen).Trim()
        if (Test-IsRoot) {
            ($back[1] | Get-PageFlags).Pfn | Should -Be $here[1][0].Pfn
        }
    }

    It 'completes file names and parameters: <word>' -ForEach @(
        @{ word = '{0}/cach'; expected = '*cached' }
        @{ word = '{0} -Rec'; expected = '-Recurse' }
        @{ word = '{0} -Sum'; expected = '-Summary' }
    ) {
        $line = "Get-FilePage $($word -f $TestDrive)"
        $found = [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null)
        $found.CompletionMatches.CompletionText | Where-Object { $_ -like $expected } | Should -Not -BeNullOrEmpty
    }

    It 'stops when the pipeline stops, and on Ctrl-C' {
        $sparse = Join-Path $TestDrive 'sparse'
        $stream = [System.IO.File]::Create($sparse)
        $stream.SetLength(1TB)
        $stream.Dispose()
        (Get-FilePage $sparse -All | Select-Object -First 3).PageIndex | Should -Be 0, 1, 2
        $shell = [powershell]::Create().AddScript("Import-Module '$PSScriptRoot/../../MemProc.psd1'; '-'; " +
            "Get-FilePage '$sparse' -All | Out-Null")
        $output = [System.Management.Automation.PSDataCollection[psobject]]::new()
        $null = $shell.BeginInvoke([System.Management.Automation.PSDataCollection[psobject]]::new(), $output)
        [System.Threading.SpinWait]::SpinUntil({ $output.Count -gt 0 }, 30000) | Should -BeTrue
        Start-Sleep -Milliseconds 300
        $shell.InvocationStateInfo.State | Should -Be 'Running'
        $shell.BeginStop($null, $null).AsyncWaitHandle.WaitOne(30000) | Should -BeTrue
        $shell.InvocationStateInfo.State | Should -Be 'Stopped'
    }
}
