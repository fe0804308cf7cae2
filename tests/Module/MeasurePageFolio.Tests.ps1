BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $address = New-TouchedMemory $target
}

AfterAll {
    Stop-Target
}

Describe 'Measure-PageFolio' {
    It 'measures a range as single pages' {
        Assert-Root
        $sum = Measure-PageFolio $target.Id $address 40960
        $sum | Should -BeOfType MemProc.PageFolioSummary
        $sum.Kind, $sum.Mapping | Should -Be 'Anonymous', 'Aligned'
        $sum.FolioSizeBytes, $sum.FolioCount, $sum.PageCount, $sum.SizeBytes | Should -Be 4096, 10, 10, 40960
        $sum.Start, $sum.Path | Should -Be $null, $null
        $sum | Out-Screen | Should -Match 'Anonymous +4 KiB Aligned +10 +40 KiB'
    }

    It 'measures processes and mappings from the pipeline' {
        Assert-Root
        $all = Get-Process -Id $target.Id | Measure-PageFolio
        $all.Kind | Should -Contain 'File'
        $all.ProcessId | Select-Object -Unique | Should -Be $target.Id
        $map = Get-ProcMap $target.Id -Address $address
        ($map | Measure-PageFolio | Measure-Object SizeBytes -Sum).Sum | Should -Be (4096 * @($map | Get-PageMapEntry -Present).Count)
        $byMap = Measure-PageFolio $target.Id -ByMap -Kind Stack
        $byMap.Start | Select-Object -Unique | Should -Be (Get-ProcMap $target.Id -Kind Stack).Start
        $byMap[0].Path | Should -Be '[stack]'
    }

    It 'writes an error for <what>, and continues' -ForEach @(
        @{ what = 'a process that does not exist'; arguments = @{ Id = 4194305 }; id = 'OpenProcess,ESRCH' }
        @{ what = 'an address that is not mapped'; arguments = @{ Address = 0x1000 }; id = 'FindMap,ENOENT' }
        @{ what = 'an address of the kernel'; arguments = @{ Address = '0xffff888000000000' }; id = 'ReadPageMap,EINVAL' }
    ) {
        Assert-Root
        $arguments.Id = @($arguments.Id ?? $target.Id)
        $null = Measure-PageFolio @arguments -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Be "$id,MemProc.PowerShell.MeasurePageFolioCommand"
    }
}
