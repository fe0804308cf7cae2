BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
}

AfterAll {
    Stop-Target
}

Describe 'Measure-PageFrame' {
    It 'accounts for the memory of the machine, the largest group first' {
        Assert-KernelMemory
        $groups = Measure-PageFrame
        $groups | Should -BeOfType MemProc.PageFrameGroup
        $groups.Kind | Should -Contain Free
        $groups.Kind | Should -Contain Reserved
        $total = $groups[0].Total
        ($groups | Measure-Object PageCount -Sum).Sum | Should -Be $total.PageCount
        $groups[0].PageCount | Should -BeGreaterOrEqual $groups[1].PageCount
        [Math]::Abs($total.DifferenceBytes) | Should -BeLessThan ($total.MemTotalBytes / 200)
        $groups | Out-Screen | Should -Match 'MemTotal'
    }

    It 'counts by <By>' -TestCases @(
        @{ By = 'File'; Kind = 'File'; Name = '/*libc.so*' }
        @{ By = 'Slab'; Kind = 'Slab'; Name = 'dentry' }
        @{ By = 'Node'; Kind = 'Free'; Name = 'node 0' }
        @{ By = 'Order'; Kind = 'Free'; Name = 'free, order 0 *' }
    ) {
        Assert-KernelMemory
        $groups = Measure-PageFrame $By -Kind $Kind
        @($groups.Name -like $Name).Count | Should -BeGreaterThan 0
        $groups[0].Total.IsComplete | Should -BeFalse
    }

    It 'counts given frames only' {
        Assert-KernelMemory
        $pages = Get-PageMapEntry $target.Id $seed -Length 8192
        $group = Measure-PageFrame -Pfn $pages.Pfn
        $group.Name, $group.PageCount, $group.SizeBytes | Should -Be Anonymous, 2, 8192
        Measure-PageFrame -Pfn $pages.Pfn -Kind File | Should -BeNullOrEmpty
    }

    It 'counts by process what one process maps' {
        Assert-PidNamespace
        Assert-KernelMemory
        $length = 64MB
        $memory = $target.Ask("map $length rw- private").address
        $null = $target.Ask("touch $memory $($length / 4096)")
        $groups = Measure-PageFrame Process
        $own = $groups | Where-Object ProcessId -EQ $target.Id
        $own.PageCount | Should -BeGreaterOrEqual ($length / 4096)
        $own.Name | Should -Match "\($($target.Id)\)$"
        ($groups | Measure-Object PageCount -Sum).Sum | Should -Be $groups[0].Total.PageCount
        # What several processes map is counted once.
        $groups.Name | Should -Contain '(several processes)'
    }
}
