BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $text = $target.Ask('garlic').text
    $number = $target.Ask('map 8192 rw- private').address
    $null = $target.Ask("advise $number 8192 15"), $target.Ask("fill $number 8192 1")
    $before = Join-Path $TestDrive before.core
    Save-ProcessMemory $target.Id $before -WarningAction SilentlyContinue | Out-Null
    Set-Number $target ($number + 16) 4711
    Write-ProcessMemory $target.Id ($number + 4100) -Text 'hello' -Confirm:$false
    $after = Join-Path $TestDrive after.core
    Save-ProcessMemory $target.Id $after -Compress -WarningAction SilentlyContinue | Out-Null
    $range = @{ Address = $number; Length = 8192 }
}

AfterAll {
    Stop-Target
}

Describe 'Compare-ProcessMemory' {
    It 'compares <name>: the summary first, then each change' -ForEach @(
        @{ name = 'two cores'; compare = { Compare-ProcessMemory $before $after @range } }
        @{ name = 'a core and a process'; compare = { Compare-ProcessMemory $before -Id $target.Id @range } }
        @{ name = 'a core and a process of the pipeline'
            compare = { Get-Process -Id $target.Id | Compare-ProcessMemory $before @range } }
        @{ name = 'a core and a mapping of the pipeline'
            compare = { Get-ProcMap $target.Id -Address $number | Compare-ProcessMemory -Before $before } }
        @{ name = 'a core and a core of the pipeline'; compare = { Get-Item $after | Compare-ProcessMemory $before @range } }
        @{ name = 'a core and a mapping of a core'
            compare = { Get-ProcMap -CorePath $after -Address $number | Compare-ProcessMemory $before } }
    ) {
        $summary, $changes = & $compare
        $summary | Should -BeOfType MemProc.MemoryComparison
        $summary.ProcessId | Should -Be $target.Id
        $summary.DifferenceCount | Should -Be 2
        $summary.Previous | Should -Be $before
        $summary.Maps | Should -HaveCount 1
        $changes | Should -BeOfType MemProc.MemoryDifference
        $changes[1].Address | Should -Be ($number + 4100)
        [Text.Encoding]::ASCII.GetString($changes[1].Bytes) | Should -Be 'hello'
        $changes[1].PreviousBytes | Should -HaveCount 5
        ($changes[1] | ConvertTo-Csv | ConvertFrom-Csv).Bytes | Should -BeExactly '68 65 6c 6c 6f'
        ($changes.ChangedBytes | Measure-Object -Sum).Sum | Should -Be $summary.ChangedBytes
    }

    It 'shows numbers and fields' {
        $changed = Compare-ProcessMemory $before -Id $target.Id @range -Type int32 -NoSummary | Select-Object -First 1
        $changed.Value | Should -Be 4711
        $changed.Address | Should -Be ($number + 16)
        $field = Compare-ProcessMemory $before -Id $target.Id -Address $number -Length 4096 -NoSummary -Layout 'int64 a; int64 b; int32 c; int32 d'
        $field.Field | Should -Be 'c'
        $field.Value | Should -Be 4711
        $field.RecordAddress | Should -Be $number
        $changed, $field | Out-Screen | Should -Match '4711 +c of 0x'
    }

    It 'feeds the next cmdlet, and shows what changed' {
        $summary, $changes = Compare-ProcessMemory $before -Id $target.Id @range
        $changes[1] | Read-ProcessMemory -AsString | Should -BeLike 'hello*'
        $summary | Out-Screen | Should -Match 'Changed +: .* in 2 places'
        $summary.Maps | Out-Screen | Should -Match 'Start +Compared'
        $changes | Out-Screen | Should -Match '68 65 6c 6c 6f'
        $saved = (Compare-ProcessMemory $before $after @range -NoSummary)[1]
        $saved.CorePath | Should -Be $after
        [Text.Encoding]::ASCII.GetString(($saved | Read-ProcessMemory -Raw)) | Should -Be 'hello'
        $one = Compare-ProcessMemory $before $after @range -Summary
        $one | Should -HaveCount 1
        # Without the core, the mappings would stand for the process of PowerShell.
        $one.Maps.CorePath | Should -Be $after
        [Text.Encoding]::ASCII.GetString(($one.Maps | Read-ProcessMemory -Raw)[4100..4104]) | Should -Be 'hello'
        $one.Maps | Write-ProcessMemory -Bytes 1 -Confirm:$false -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused[0].FullyQualifiedErrorId | Should -BeLike 'ReadCore,EOPNOTSUPP,*'
    }

    It 'compares two moments and leaves no file' {
        $temporary = { Get-ChildItem ([IO.Path]::GetTempPath()) -Force -File | ForEach-Object Name }
        $old = & $temporary
        $summary, $change = Compare-ProcessMemory -Id $target.Id @range -During { Set-Number $target ($number + 32) 99 } -Type Int32
        $change.Value | Should -Be 99
        $change.CorePath | Should -BeNullOrEmpty
        $summary.Previous | Should -BeLike "process $($target.Id) *"
        Compare-ProcessMemory -Id $target.Id @range -Seconds 0 -Stop -NoSummary | Should -BeNullOrEmpty
        & $temporary | Where-Object { $_ -notin $old -and $_ -like '*partial*' } | Should -BeNullOrEmpty
    }

    It 'finds changes of mappings' {
        $made = @{}
        $changes = Compare-ProcessMemory -Id $target.Id -Mapping -During {
            $made.Start = $target.Ask('map 12288 rw- private').address
            $null = $target.Ask("protect $number 4096 r--")
        }
        ($changes | Where-Object Start -EQ $made.Start).Change | Should -Be 'Added'
        $protected = $changes | Where-Object Start -EQ $number
        $protected.Change | Should -Be 'Protection'
        $protected.SizeBytes | Should -Be 4096
        $protected.Permissions | Should -Be 'r--p'
        $protected | Out-Screen | Should -Match 'Protection +0x'
        $null = $target.Ask("protect $number 4096 rw-")
        # What was moved is one change, also where no content was kept.
        $moved = $target.Ask('map 8192 rw- private').address
        $null = $target.Ask("fill $moved 8192 3")
        $change = Compare-ProcessMemory -Id $target.Id -Mapping -During { $made.Target = $target.Ask("move $moved 8192").address } |
            Where-Object { $moved, $made.Target -contains $_.Start -or $_.PreviousStart -eq $moved }
        $change.Change, $change.Start, $change.PreviousStart | Should -Be 'Moved', $made.Target, $moved
        $change | Out-Screen | Should -Match ('Moved +0x{0:x} .* from 0x{1:x}' -f $made.Target, $moved)
    }

    It 'finds changes of pages' {
        Assert-Root
        $page = $target.Ask('map 8192 rw- private').address
        $change = Compare-ProcessMemory -Id $target.Id -Address $page -Length 8192 -Page -During { $null = $target.Ask("touch $page 1") }
        $change.Change | Should -Be 'BecamePresent'
        $change.Address | Should -Be $page
        $change | Out-Screen | Should -Match 'BecamePresent +empty'
        # A core without memory is compared by its layout.
        $layout = Join-Path $TestDrive layout.core
        Save-ProcessMemory $target.Id $layout -PageInfo -NoContent -WarningAction SilentlyContinue | Out-Null
        $null = $target.Ask("touch $($page + 4096) 1")
        (Compare-ProcessMemory $layout -Id $target.Id -Address $page -Length 8192).Change | Should -Be 'BecamePresent'
        { Compare-ProcessMemory $before $after -Page -ErrorAction Stop } | Should -Throw -ErrorId 'ReadPageMap,ENODATA,*'
    }

    It 'refuses what makes no sense' {
        { Compare-ProcessMemory $before } | Should -Throw -ErrorId 'Id,EINVAL,*'
        { Compare-ProcessMemory $before $after -Type int32 -Layout 'int32 a' } | Should -Throw -ErrorId 'Layout,EINVAL,*'
        { Compare-ProcessMemory $before $after -Layout 'int32 a' } | Should -Throw -ErrorId 'Address,EINVAL,*'
        { Compare-ProcessMemory $before $after -Type 'char*' } | Should -Throw -ErrorId 'Type,EINVAL,*'
        { Compare-ProcessMemory $before $after -Summary -NoSummary } | Should -Throw -ErrorId 'NoSummary,EINVAL,*'
        { Compare-ProcessMemory $before /bin/sh -ErrorAction Stop } | Should -Throw -ErrorId 'ReadCore,ENOEXEC,*'
        { Get-ProcMap -CorePath $after -Kind Stack | Compare-ProcessMemory -Seconds 0 -ErrorAction Stop } |
            Should -Throw -ErrorId 'ReadCore,EOPNOTSUPP,*'
    }
}
