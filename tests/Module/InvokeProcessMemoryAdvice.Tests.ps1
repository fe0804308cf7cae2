BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $address = New-TouchedMemory $target
}

AfterAll {
    Stop-Target
}

Describe 'Invoke-ProcessMemoryAdvice' {
    It 'says with -WhatIf how many bytes it concerns, and does nothing' {
        Assert-Root
        $said = Invoke-OtherPwsh "Invoke-ProcessMemoryAdvice $($target.Id) $address 40960 -PageOut -WhatIf"
        "$said" | Should -Match 'Page out 40 KiB in 1 mapping at 0x[0-9a-f]+ of process \d+ \(.*\): 40 KiB in memory, 0 B in swap'
        (Get-PageMapEntry $target.Id $address 40960 -Present).Count | Should -Be 10
    }

    It 'gives advice for a range, and reports bytes before and afterwards' {
        Assert-Root
        $result = Invoke-ProcessMemoryAdvice $target.Id $address 40960 -Cold -Confirm:$false
        $result | Should -BeOfType MemProc.MemoryAdviceResult
        $result.Advice, $result.Address, $result.Length | Should -Be 'Cold', $address, 40960
        $result.AdvisedBytes, $result.RefusedBytes, $result.SkippedBytes | Should -Be 40960, 0, 0
        $result.ResidentBytesBefore, $result.ResidentBytesAfter | Should -Be 40960, 40960
        $result | Out-Screen | Should -Match 'Cold +40 KiB +0 B +40 KiB +40 KiB'
    }

    It 'accepts mappings from the pipeline, and filters' {
        Assert-Root
        $map = Get-ProcMap $target.Id -Kind Stack
        ($map | Invoke-ProcessMemoryAdvice -WillNeed -Confirm:$false).AdvisedBytes | Should -Be $map.SizeBytes
        (Invoke-ProcessMemoryAdvice $target.Id -Kind Stack -Cold -Confirm:$false).AdvisedBytes | Should -Be $map.SizeBytes
        (Invoke-ProcessMemoryAdvice $target.Id -Kind Vdso -Cold -Confirm:$false).AdvisedBytes | Should -Be 0
    }

    It 'requires one kind of advice' {
        { Invoke-ProcessMemoryAdvice $target.Id -Confirm:$false } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
        { Invoke-ProcessMemoryAdvice $target.Id -Cold -PageOut -Confirm:$false } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
    }

    It 'writes an error for memory that it does not apply to, and continues' {
        Assert-Root
        $vdso = (Get-ProcMap $target.Id -Kind Vdso).Start
        $result = Invoke-ProcessMemoryAdvice $target.Id $vdso, $address -Cold -Confirm:$false -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Be 'AdviseMemory,EINVAL,MemProc.PowerShell.InvokeProcessMemoryAdviceCommand'
        $result.AdvisedBytes | Should -Be 4096
    }

    It 'names the missing right' {
        Assert-Root
        $said = Invoke-OtherPwsh -Prefix 'setpriv', '--reuid', '65534', '--clear-groups' '
            $sleep = Start-Process sleep 60 -PassThru
            Invoke-ProcessMemoryAdvice $sleep.Id -Kind Stack -Cold -Confirm:$false -ErrorVariable problem -ErrorAction SilentlyContinue
            $sleep.Kill()
            $problem[0].FullyQualifiedErrorId; $problem[0].Exception.Message'
        $said[0] | Should -Be 'AdviseMemory,EPERM,MemProc.PowerShell.InvokeProcessMemoryAdviceCommand'
        $said[1] | Should -Match 'CAP_SYS_NICE'
    }
}
