BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $other = Start-Target
    $seed = $target.Ask('seed').address
    $otherSeed = $other.Ask('seed').address
}

AfterAll {
    Stop-Target
}

Describe 'Pipelines of many objects' {
    It 'answers objects that come slowly at once: <_>' -ForEach 'Get-PageMapEntry', 'Get-PageFlags', 'Resolve-ProcAddress' {
        Assert-Root
        $command = $_
        $pages = @(Get-PageMapEntry $target.Id $seed 8192)
        $order = [System.Collections.Generic.List[string]]::new()
        $pages + $pages[0] | ForEach-Object {
            # Longer than what counts as a pause.
            Start-Sleep -Milliseconds 20
            $order.Add('in')
            $_
        } | & $command | ForEach-Object { $order.Add('out') }
        $order -join ' ' | Should -Be 'in out in out in out'
    }

    It 'gives what one call gives, in the same order' {
        Assert-Root
        # A program that does nothing keeps its pages.
        $sleep = Start-Shell 'exec sleep 600'
        while ((Get-Content "/proc/$($sleep.Id)/comm") -ne 'sleep') {
            Start-Sleep -Milliseconds 5
        }

        foreach ($try in 1..50) {
            $whole = Get-PageMapEntry $sleep.Id
            $piped = Get-ProcMap $sleep.Id | Where-Object Kind -NE Vsyscall | Get-PageMapEntry
            $after = Get-PageMapEntry $sleep.Id
            if ("$($whole.Pfn)" -eq "$($after.Pfn)" -and $whole[0].ProcessName -eq 'sleep') {
                break
            }
        }

        # Not $piped.Address: arrays have a method of that name.
        $piped | ForEach-Object Address | Should -Be ($whole | ForEach-Object Address)
        $piped.Pfn | Should -Be $whole.Pfn
        ($whole | Get-PageFlags).Pfn | Should -Be $whole.Pfn
        $whole | Resolve-ProcAddress | ForEach-Object Address | Should -Be ($whole | ForEach-Object Address)
        ($whole | Measure-PageFlags | Measure-Object PageCount -Sum).Sum | Should -Be $whole.Count
    }

    It 'keeps the order of objects of several processes: <_>' -ForEach 'Get-PageMapEntry', 'Resolve-ProcAddress' {
        $addresses = foreach ($number in 1..20) {
            [pscustomobject] @{ ProcessId = $target.Id; Address = $seed }
            [pscustomobject] @{ ProcessId = $target.Id; Address = $seed + 4096 }
            [pscustomobject] @{ ProcessId = $other.Id; Address = $otherSeed }
        }
        $answers = $addresses | & $_
        $answers.ProcessId | Should -Be $addresses.ProcessId
        $answers | ForEach-Object Address | Should -Be ($addresses | ForEach-Object Address)
    }

    It 'goes on after an address that fails: <_>' -ForEach 'Get-PageMapEntry', 'Resolve-ProcAddress' {
        $addresses = $seed, 0x10, ($seed + 4096) | ForEach-Object { [pscustomobject] @{ ProcessId = $target.Id; Address = $_ } }
        $answers = $addresses | & $_ -ErrorVariable problems -ErrorAction SilentlyContinue
        $answers | ForEach-Object Address | Should -Be $seed, ($seed + 4096)
        $problems.Count | Should -Be 1
        $problems[0].FullyQualifiedErrorId | Should -Match '^FindMap,ENOENT,'
    }
}
