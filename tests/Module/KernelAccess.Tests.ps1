# What the cmdlets that read kernel memory have in common: required rights, and bpf programs that are freed with them.
BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $seed = $target.Ask('seed').address
    $nobody = 'setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'

    # The bpf programs and maps that this process holds open: prog_id:12, map_id:3.
    function Get-Held {
        $lines = Get-ChildItem /proc/self/fdinfo | ForEach-Object { Get-Content $_ -ErrorAction Ignore }
        @($lines -match '^(prog|map)_id:' -replace '\s' | Sort-Object -Unique)
    }

    # The ones that the kernel has by their name; the kernel lists those of the whole machine.
    function Select-Loaded([string[]] $Object) {
        $kernel = $target.Ask("bpf memproc_$PID")
        $names = @($kernel.programs -split ',' -replace '^', 'prog_id:') + @($kernel.maps -split ',' -replace '^', 'map_id:')
        @($Object | Where-Object { $_ -in $names })
    }

    # What this process has loaded since then: two programs and a map, which the kernel lists too.
    function Get-Loaded([string[]] $Before) {
        $held = @(Get-Held | Where-Object { $_ -notin $Before })
        $held -replace '\d' | Should -Be map_id:, prog_id:, prog_id:
        Select-Loaded $held | Should -Be $held
        $held
    }

    # Neither this process nor the kernel has it any more. The kernel frees it a short time later.
    function Assert-Released([string[]] $Before, [string[]] $Loaded) {
        @(Get-Held) -join ' ' | Should -Be ($Before -join ' ')
        foreach ($attempt in 1..1000) {
            $left = Select-Loaded $Loaded
            if (-not $left) {
                break
            }

            Start-Sleep -Milliseconds 10
        }

        $left | Should -BeNullOrEmpty
    }
}

AfterAll {
    Stop-Target
}

Describe 'Access to kernel memory' {
    It 'reports the missing rights to an unprivileged user, and rejects the process of another user first' {
        Assert-KernelMemory
        if (-not (Get-Command setpriv -ErrorAction Ignore)) {
            Set-ItResult -Skipped -Because 'it needs setpriv'
        }

        $answer = Invoke-OtherPwsh -Prefix $nobody "
            Get-PageTableEntry -Address 0x10000 -ErrorVariable problem -ErrorAction SilentlyContinue
            `$problem[0].FullyQualifiedErrorId; `$problem[0].CategoryInfo.Category; `"`$problem`"
            foreach (`$command in 'Get-KernelVma', 'Get-KernelMemoryMap') {
                & `$command $($target.Id) -ErrorVariable problem -ErrorAction SilentlyContinue
                `$problem[0].FullyQualifiedErrorId
            }"
        $answer[0] | Should -Be 'ReadKernelMemory,EPERM,MemProc.PowerShell.GetPageTableEntryCommand'
        $answer[1] | Should -Be 'PermissionDenied'
        $answer[2] | Should -Match 'CAP_BPF and CAP_PERFMON'
        $answer[3] | Should -Be 'ReadMemory,EACCES,MemProc.PowerShell.GetKernelVmaCommand'
        $answer[4] | Should -Be 'ReadMemory,EACCES,MemProc.PowerShell.GetKernelMemoryMapCommand'
    }

    It 'loads two programs and a map while it works and frees them: <_>' -ForEach @(
        'Get-PageTableEntry {0} {1}'
        'Get-PageTableEntry {0} {1} -Summary'
        'Get-PageTableEntry {0} {1}, 0xffffffffff600000 -ErrorAction SilentlyContinue'
        'Get-PageTableEntry {0} 0 128TB | Select-Object -First 1'
        'Get-KernelVma {0}'
        'Get-KernelVma {0} {1}, 0x10 -ErrorAction SilentlyContinue'
        'Get-KernelMemoryMap {0}'
        'Get-PageFrame -Id {0} -Address {1}'
        'Get-PageFrame | Select-Object -First 1'
        'Get-PageFrame 0xffffffffff, 0x1000 -ErrorAction SilentlyContinue'
        'Measure-PageFrame'
        'Read-PhysicalMemory -Pfn 0x1000'
        'Get-KernelLayout'
    ) {
        Assert-KernelMemory
        $before = Get-Held
        $script = [scriptblock]::Create(($_ -f $target.Id, $seed))
        $loaded = $null
        & $script | ForEach-Object {
            if (-not $loaded) {
                $loaded = Get-Loaded $before
            }
        }
        $loaded.Count | Should -Be 3
        Assert-Released $before $loaded
    }

    It 'leaves nothing loaded on failure' {
        Assert-KernelMemory
        $before = Get-Held
        Get-PageTableEntry $target.Id ([ulong]::MaxValue) -ErrorAction SilentlyContinue
        Get-KernelVma $target.Id 0x10 -ErrorAction SilentlyContinue
        @(Get-Held) -join ' ' | Should -Be ($before -join ' ')
    }

    It 'leaves nothing loaded when Ctrl-C stops it: <_>' -ForEach @(
        # The same target repeatedly, so that they do not end by themselves.
        'Get-PageTableEntry (@({0}) * 100000) 0 128TB'
        'Get-KernelVma (@({0}) * 1000000)'
        "Get-PageFrame (@('0..0xffffff') * 1000)"
    ) {
        Assert-KernelMemory
        $before = Get-Held
        $shell = [powershell]::Create().AddScript("Import-Module '$PSScriptRoot/../../MemProc.psd1'; " + ($_ -f $target.Id))
        $output = [System.Management.Automation.PSDataCollection[psobject]]::new()
        $null = $shell.BeginInvoke([System.Management.Automation.PSDataCollection[psobject]]::new(), $output)
        [System.Threading.SpinWait]::SpinUntil({ $output.Count -gt 0 }, 30000) | Should -BeTrue
        $loaded = Get-Loaded $before
        $loaded.Count | Should -Be 3
        $shell.InvocationStateInfo.State | Should -Be 'Running'
        $shell.BeginStop($null, $null).AsyncWaitHandle.WaitOne(30000) | Should -BeTrue
        $shell.InvocationStateInfo.State | Should -Be 'Stopped'
        $shell.Dispose()
        Assert-Released $before $loaded
        # Both the reading and the target process still run.
        (Get-PageTableEntry $target.Id $seed -Summary).IsPresent | Should -BeTrue
        $target.Ask("peek $seed 4").bytes | Should -Be 41424344
    }
}
