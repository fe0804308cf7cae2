BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
}

AfterAll {
    Stop-Target
}

Describe 'Get-PageFrame' {
    It 'accepts pages, flags, numbers, physical addresses, and a process with an address' {
        Assert-KernelMemory
        $page = Get-PageMapEntry $target.Id $seed
        $frame = Get-PageFrame $page.Pfn
        $frame | Should -BeOfType MemProc.PageFrame
        $frame.Kind, $frame.Pfn, $frame.PhysicalAddress | Should -Be Anonymous, $page.Pfn, $page.PhysicalAddress
        foreach ($same in ($page | Get-PageFrame), ($page | Get-PageFlags | Get-PageFrame), ($page.Pfn | Get-PageFrame),
            (Get-PageFrame -PhysicalAddress $page.PhysicalAddress), (Get-PageFrame -Id $target.Id -Address $seed),
            ($frame | Get-PageFrame), (Get-PageTableEntry $target.Id $seed | Select-Object -Last 1 | Get-PageFrame)) {
            $same.Pfn, $same.StructPageAddress | Should -Be $frame.Pfn, $frame.StructPageAddress
        }

        (Get-PageFrame -Id $target.Id -Address $seed -Length 8192).Count | Should -Be 2
        (Get-PageFrame ('0x{0:x}..0x{1:x}' -f $page.Pfn, ($page.Pfn + 3))).Count | Should -Be 4
        (Get-PageFrame $page.Pfn -Count 4).Pfn | Should -Be ($page.Pfn..($page.Pfn + 3))
        Get-PageMapEntry $target.Id 0x10000 -ErrorAction Ignore | Get-PageFrame | Should -BeNullOrEmpty
    }

    It 'shows file, path, and offset, and selects by them' {
        Assert-KernelMemory
        $map = Get-ProcMap $target.Id -Path *libc.so* -Permission r-x | Select-Object -First 1
        $null = $target.Ask("peek $($map.Start) 4096")
        $page = $map | Get-PageMapEntry -Present | Select-Object -First 1
        $frame = $page | Get-PageFrame
        $frame.Kind, $frame.Path, $frame.Inode, $frame.Device | Should -Be File, $map.Path, $map.Inode, $map.Device
        $frame.Offset | Should -Be ($page.Address - $map.Start + $map.Offset)
        $frame | Out-Screen | Should -Match ([regex]::Escape($map.Path))
        (Get-PageFrame -Path $map.Path -Kind File).Pfn | Should -Contain $page.Pfn
        Get-PageFrame $page.Pfn -Path /nowhere | Should -BeNullOrEmpty
        Get-PageFrame $page.Pfn -Kind Slab, Free | Should -BeNullOrEmpty
        $page | Get-PageFrame -Path *libc.so* | ForEach-Object Pfn | Should -Be $page.Pfn
    }

    It 'shows slab caches, and completes their names' {
        Assert-KernelMemory
        $slab = Get-PageFrame -Slab dentry | Select-Object -First 1
        $slab.Kind, $slab.Slab | Should -Be Slab, dentry
        $slab.ObjectSizeBytes | Should -BeGreaterThan 100
        (TabExpansion2 'Get-PageFrame -Slab dent' 24).CompletionMatches.CompletionText | Should -Contain dentry
    }

    It 'streams the whole machine' {
        Assert-KernelMemory
        (Get-PageFrame | Select-Object -First 3).Count | Should -Be 3
    }

    It 'reports frames and pages that do not exist, and continues' {
        Assert-KernelMemory
        $pfn = (Get-PageMapEntry $target.Id $seed).Pfn
        $frames = Get-PageFrame 0x10000000000, $pfn -ErrorVariable problem -ErrorAction SilentlyContinue
        $frames.Pfn | Should -Be $pfn
        $problem.FullyQualifiedErrorId | Should -Be 'ReadPageFrame,EINVAL,MemProc.PowerShell.GetPageFrameCommand'
        { Get-PageFrame -Id $target.Id -Address 0x10000 -ErrorAction Stop } | Should -Throw -ErrorId 'ReadPageFrame,ENODATA*'
        { Get-PageFrame -Id $target.Id -Length 5 } | Should -Throw -ErrorId 'Address,EINVAL*'
        { Get-PageFrame $pfn -Cgroup /none/such } | Should -Throw -ErrorId 'FindCgroup,ENOENT*'
    }
}
