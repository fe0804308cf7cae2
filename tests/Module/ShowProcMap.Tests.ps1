BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $null = New-TouchedMemory $target
    $folder = (New-Item -ItemType Directory (Join-Path ([System.IO.Path]::GetTempPath()) "memproc-$([guid]::NewGuid())")).FullName
}

AfterAll {
    Stop-Target
    Remove-Item $folder -Recurse -Force
}

Describe 'Show-ProcMap' {
    It 'draws the address space in the given width, without colors where output is redirected' {
        $picture = Show-ProcMap $target.Id -Width 80
        $picture | Should -BeOfType MemProc.MapPicture
        $picture.Regions.Count | Should -BeGreaterThan 2
        $picture.Legend.Name | Should -Contain stack
        # The title has the name of the process.
        ($picture.Lines | Select-Object -Skip 1 | Measure-Object Length -Maximum).Maximum | Should -BeLessOrEqual 80
        $screen = $picture | Out-Screen
        $screen | Should -Match 'Address space by kind, process'
        $screen | Should -Match '(?m)^  S+$'
        if ([Console]::IsOutputRedirected) {
            $picture.IsColored | Should -BeFalse
        }
    }

    It 'draws by <_>' -ForEach Kind, Permission, Residency, Sharing, Node, Dirty, Frame {
        if ($_ -in 'Frame', 'Sharing') {
            Assert-Root
        }

        $picture = Show-ProcMap $target.Id $_
        "$($picture.By)" | Should -Be $_
        $picture.Legend.Count | Should -BeGreaterThan 1
    }

    It 'takes processes from the pipeline, and survives a job' {
        $picture = Get-Process -Id $target.Id | Show-ProcMap
        $back = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($picture))
        ($back | Out-Screen) | Should -Be ($picture | Out-Screen)
    }

    It 'writes <Extension> files' -ForEach @(@{ Extension = 'svg' }, @{ Extension = 'html' }) {
        $file = Show-ProcMap $target.Id -OutFile $folder/map.$Extension
        $file | Should -BeOfType System.IO.FileInfo
        $file.UnixMode | Should -Match '^-rw'
        $text = Get-Content $file -Raw
        $text | Should -Match '<title>0x[0-9a-f]+-0x[0-9a-f]+ r--p'
        $text | Should -Match 'prefers-color-scheme:dark'
        Show-ProcMap $target.Id -OutFile $file -ErrorAction SilentlyContinue -ErrorVariable problem | Should -BeNullOrEmpty
        $problem.FullyQualifiedErrorId | Should -BeLike 'WriteFile,EEXIST*'
        "$problem" | Should -BeLike '*-Force*'
        (Show-ProcMap $target.Id -OutFile $file -Force).FullName | Should -Be $file.FullName
        $target.Id, $PID | ForEach-Object { [pscustomobject] @{ ProcessId = $_ } } |
            Show-ProcMap -OutFile $folder/one.$Extension -ErrorAction SilentlyContinue -ErrorVariable problem
        "$problem" | Should -BeLike '*picture of another process*'
    }

    It 'refuses <Arguments>' -ForEach @(
        @{ Arguments = @{ By = 'Owner' }; Id = 'By,EINVAL*' }
        @{ Arguments = @{ Physical = $true; By = 'Residency' }; Id = 'By,EINVAL*' }
        @{ Arguments = @{ Physical = $true; Id = 1 }; Id = 'Physical,EINVAL*' }
        @{ Arguments = @{ OutFile = 'map.png' }; Id = 'WriteFile,EINVAL*' }
        @{ Arguments = @{ Force = $true }; Id = 'Force,EINVAL*' }
    ) {
        { Show-ProcMap @Arguments } | Should -Throw -ErrorId $Id
    }

    It 'draws a core' {
        $null = Save-ProcessMemory $target.Id $folder/core
        $picture = Show-ProcMap -CorePath $folder/core -By Residency
        $picture.Legend.Name | Should -Contain saved
        { Show-ProcMap -CorePath $folder/core -By Sharing -ErrorAction Stop } | Should -Throw -ErrorId 'ReadCore,EOPNOTSUPP*'
    }

    It 'draws the frames of the machine by <_>' -ForEach Kind, Owner {
        Assert-PidNamespace
        Assert-KernelMemory
        $picture = Show-ProcMap -Physical -By $_
        $picture | Should -BeOfType MemProc.FramePicture
        $picture.Cells.Count | Should -Be 1024
        $picture.Legend.Name | Should -Contain free
        $picture | Out-Screen | Should -Match 'Hilbert'
    }

    It 'makes the pictures of the documentation' {
        Assert-Root
        & $PSScriptRoot/../../docs/pictures/make.ps1 -Path $folder
        $made = Get-ChildItem $folder/map-*.svg
        $made.Name | Should -Be (Get-ChildItem $PSScriptRoot/../../docs/pictures/*.svg).Name
        foreach ($file in $made) {
            ([xml] (Get-Content $file -Raw)).svg.rect.Count | Should -BeGreaterThan 3
        }
    }
}
