# Runs every example of the help pages, and every command of the pages with several, in the order of each page, and compares the
# shape of the output with the page: the headings of tables, the names in lists, hex dumps, messages. The values are of the machine
# that made the page.

BeforeDiscovery {
    $docs = Resolve-Path $PSScriptRoot/../../docs

    # Returns the steps of a page: blocks of commands, and the output that follows, by example.
    function Get-Example([string] $File, [string] $Language = '^```(powershell|output)$') {
        $languages = $Language
        $title = $language = $null
        $lines = $steps = [System.Collections.Generic.List[object]]::new()
        foreach ($line in Get-Content $File) {
            if ($language) {
                if ($line -eq '```') {
                    $text = $lines -join "`n"
                    if ($language -eq 'output') {
                        $steps[-1].Output = "$($steps[-1].Output)`n$text".Trim("`n")
                    }
                    else {
                        $steps.Add(@{ Title = $title; Code = $text; Output = $null; IsShell = $language -eq 'sh' })
                    }

                    $language = $null
                }
                else {
                    $lines.Add($line)
                }
            }
            elseif ($line -match '^###? (.+)') {
                $title = $Matches[1]
            }
            elseif ($line -match $languages) {
                $language = $Matches[1]
                $lines = [System.Collections.Generic.List[object]]::new()
            }
        }

        $number = 0
        foreach ($step in $steps) {
            $step.Number = $number++
            $step.Name = "$($step.Title) ($($step.Number))"
            $step
        }
    }

    $pages = @(Get-ChildItem $docs/*-*.md | Where-Object { $_.BaseName -cmatch '^[A-Z]\w+-[A-Z]' }) + (Get-Item $docs/recipes.md) | ForEach-Object {
        @{ Page = $_.BaseName; Steps = @(Get-Example $_.FullName) }
    }
    # These have commands of memproc, too.
    $pages += 'what-changed', 'post-mortem' | ForEach-Object {
        @{ Page = $_; Steps = @(Get-Example "$docs/$_.md" '^```(powershell|output|sh)$') }
    }
}

BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule

    # The programs of the pages: their examples name $app, a running service, or start ./game.
    $programs = (New-Item -ItemType Directory (Join-Path $TestDrive programs)).FullName
    $hasPrograms = [bool] (Get-Command gcc -ErrorAction Ignore)
    foreach ($name in $hasPrograms ? @('service', 'game', 'billing') : @()) {
        gcc "$PSScriptRoot/Programs/$name.c" -o "$programs/$name"
        $hasPrograms = $hasPrograms -and $LASTEXITCODE -eq 0
    }

    # memproc, for the commands of a shell.
    $memproc = Get-ChildItem "$PSScriptRoot/../../src/MemProc.Cli/bin" -Recurse -Filter memproc.dll -ErrorAction Ignore |
        Sort-Object LastWriteTime | Select-Object -Last 1 -ExpandProperty FullName
    Set-Content "$programs/memproc" "#!/bin/sh`nexec dotnet '$memproc' `"`$@`""
    chmod a+x "$programs/memproc"

    $startService = {
        $start = [Diagnostics.ProcessStartInfo]::new("$PWD/service")
        $start.RedirectStandardInput = $start.RedirectStandardOutput = $true
        $service = [Diagnostics.Process]::Start($start)
        $app = $service.Id
        $orders = [ulong] $service.StandardOutput.ReadLine()

        # Sends a request to the service, and waits for the answer.
        function Invoke-Action([string] $Request) {
            $service.StandardInput.WriteLine($Request)
            $null = $service.StandardOutput.ReadLine()
        }

        # The first requests have it allocate buffers, and bind functions.
        Invoke-Action
        Invoke-Action
    }

    # What an example needs that a machine may lack, by page and number of the step: a reason to skip it.
    $skips = @{
        'Clear-PagePoison' = { (Test-Path /sys/kernel/debug/hwpoison) ? $null : 'it needs the poison injector' }
        'Set-PagePoison' = { param($step) (Test-Path /sys/kernel/debug/hwpoison) -or $step.Output -match 'cannot poison' ? $null : 'it needs the poison injector' }
        'Clear-SoftDirty' = { $null -eq (Get-PageMapEntry $PID '[stack]-8').IsSoftDirty ? 'it needs CONFIG_MEM_SOFT_DIRTY' : $null }
        'Get-ProcessCore' = { param($step) $step.Output -match '^Signal ' ? 'it needs a crash' : $step.Title -match 'why a service ended' ? 'it needs a crash' : $null }
        'Get-FilePage' = { param($step) $step.Code -match '-Flag dirty' -and -not (Get-FilePage "$folder/notes.txt" -Flag dirty) ? 'the file system writes back at once' : $null }
        'Measure-PageFolio' = { param($step) $step.Code -match 'Partial' ? 'it needs a program with partly mapped folios' : $null }
        'Undo-ProcessMemoryWrite' = { param($step) $step.Code -match 'memproc ' ? 'it is tested with memproc' : $null }
        'post-mortem' = { param($step) (Get-Content /proc/sys/kernel/core_pattern) -ne 'core' -and $step.Code -match 'billing|\$core' ? 'it needs core_pattern core' : $null }
        'Set-PageIdle' = { param($step) (Test-Path /sys/kernel/mm/page_idle/bitmap) -or $step.Output -match 'does not track' ? $null : 'it needs the idle bitmap' }
    }

    # What an example shows to another user, by page and title.
    $ordinary = @{
        'Get-PageMapEntry' = 'without the right'
        'Get-PageTableEntry' = 'without the required rights'
        'Test-ProcMemAccess' = '.'
    }

    # Returns the ids of the processes that this one has started.
    function Get-ChildProcess {
        foreach ($file in [IO.Directory]::GetDirectories('/proc', '*') -match '/\d+$') {
            if ((Get-Content "$file/stat" -ErrorAction Ignore) -match "\) \S+ $PID ") {
                [int] (Split-Path -Leaf $file)
            }
        }
    }

    # Returns what a text consists of, without its values.
    function Get-Shape([string] $Text) {
        $lines = $Text -replace '\x1b\[[0-9;]*m' -split "`n"
        for ($index = 0; $index -lt $lines.Count; $index++) {
            $line = $lines[$index].TrimEnd()
            switch -Regex ($line) {
                '^[- ]*--[- ]*$' { 'table ' + ($lines[$index - 1].Trim() -replace '\s+', ' '); break }
                '^\s*(\w+) +: ' { "list $($Matches[1])"; break }
                '^(\w+) *:$' { "list $($Matches[1])"; break }
                '^0x[0-9a-f]{6,16} +(([0-9a-f]{2}|--) +){2,}' { 'dump'; break }
                '^What if: (\w+)' { "what if $($Matches[1])"; break }
                '^([A-Z]\w+-\w+): \S' { "error $($Matches[1])"; break }
                '^WARNING: ' { 'warning'; break }
            }
        }
    }

    # Returns what kind of value a line is, where an output has no shape.
    function Get-ValueKind([string] $Line) {
        switch -Regex ($Line.Trim()) {
            '^-?[\d.,]+$' { 'number'; break }
            '^(0x[0-9a-f]+|[0-9a-f]{8,16})$' { 'hex'; break }
            '^-?[\d.,]+ %$' { 'percentage'; break }
            '^(True|False)$' { 'answer'; break }
            '^CAP_' { 'capability'; break }
            default { 'text' }
        }
    }

    # Shows output and errors as they are seen in a console.
    function ConvertTo-Screen($Items) {
        $Items | ForEach-Object {
            $_ -is [System.Management.Automation.ErrorRecord] ? "$($_.InvocationInfo.MyCommand): $($_.Exception.Message)"
            : $_ -is [System.Management.Automation.WarningRecord] ? "WARNING: $_"
            : $_
        } | Out-String -Width 120
    }
}

Describe 'Examples of <Page>' -ForEach $pages {
    BeforeAll {
        Assert-Root
        Assert-PidNamespace
        # The variables of a page live in a module of their own, and its files in a folder of their own.
        $scope = New-Module {
            $ConfirmPreference = 'None'
            $ErrorActionPreference = 'Continue'

            # A process that was just started is still the shell: its heap comes later.
            function Start-Process {
                $started = Microsoft.PowerShell.Management\Start-Process @args
                if ($started) {
                    $null = [Threading.SpinWait]::SpinUntil({ (Get-Content "/proc/$($started.Id)/status" -ErrorAction Ignore) -match '^State:\tS' -and
                            (Get-Content "/proc/$($started.Id)/comm" -ErrorAction Ignore) -notin 'dotnet', 'pwsh', 'setpriv' }, 10000)
                }

                $started
            }
        }
        $setups = @{
            'Clear-FilePage' = { $null = New-Item -ItemType Directory git-core; [IO.File]::WriteAllBytes("$PWD/git-core/a", [byte[]]::new(16KB)) }
            'Get-FilePage' = { $null = Start-Process sleep 600 -PassThru }
            'Invoke-ProcessMemoryAdvice' = { $test = Start-Process sleep 600 -PassThru }
            'Measure-PageFolio' = { Set-Content thp "#!/bin/sh`nexec sleep 600"; chmod a+x thp }
            'Test-ProcMemAccess' = {
                Copy-Item /usr/bin/sleep nginx
                $null = Start-Process setpriv '--reuid=33 --regid=33 --clear-groups ./nginx 600' -PassThru
            }
            'post-mortem' = {
                sh -c 'ulimit -c unlimited; exec 2>&1 >/dev/null; ./billing < /dev/null' | Out-Null
                Get-Item core, core.* -ErrorAction Ignore | Select-Object -First 1 | Move-Item -Destination billing.core
                $start = [Diagnostics.ProcessStartInfo]::new("$PWD/billing")
                $start.RedirectStandardInput = $start.RedirectStandardOutput = $true
                $billing = [Diagnostics.Process]::Start($start)
            }
            'Get-ProcessCore' = {
                Copy-Item /usr/bin/sleep parser
                $env:MEMPROC_EXAMPLE = 'secret'
                $null = Start-Process ./parser 600 -PassThru | Save-ProcessMemory -Path core.10805 -Stop
                $env:MEMPROC_EXAMPLE = $null
            }
        }
        $before = @(Get-ChildProcess)
        $folder = (New-Item -ItemType Directory (Join-Path ([IO.Path]::GetTempPath()) "memproc-$([guid]::NewGuid())")).FullName
        [IO.File]::WriteAllBytes("$folder/data.bin", [byte[]]::new(1MB))
        Push-Location $folder
        $usesService = [bool] ($Steps.Code -match '\$app\b')
        $usesPrograms = $usesService -or [bool] ($Steps.Code -match '\./game\b|\bbilling\b')
        if ($usesPrograms -and $hasPrograms) {
            Copy-Item $programs/service, $programs/game, $programs/billing .
        }

        if ($usesService -and $hasPrograms) {
            . $scope ([scriptblock]::Create($startService))
        }

        if ($setups[$Page]) {
            . $scope ([scriptblock]::Create($setups[$Page]))
        }

        if ($Page -eq 'recipes') {
            $target = Start-Target
            $null = $target.Ask('map 4096 rwx private')
        }

        $results = @{}
        foreach ($step in $Steps) {
            if ($Page -eq 'Get-FilePage') {
                # The kernel writes it back at some time.
                [IO.File]::WriteAllBytes("$folder/notes.txt", [byte[]]::new(16KB))
            }

            $reason = $usesPrograms -and -not $hasPrograms ? 'it needs gcc'
            : $step.IsShell -and -not $memproc ? 'it needs memproc, which is not built'
            : $skips[$Page] ? (& $skips[$Page] $step) : $null
            if ($reason) {
                $results[$step.Number] = @{ Skip = $reason }
                continue
            }

            $code = $step.Code -replace '(?<![\w/])/(var/)?tmp/', "$folder/"
            if ($step.IsShell) {
                $script = "PATH='$programs':`$PATH`n$code" -replace "'", "''"
                $code = "`$env:app = `$app`nsh -ec '$script'`nif (`$LASTEXITCODE) { Write-Error `"exit code `$LASTEXITCODE`" }"
            }

            if ($ordinary[$Page] -and $step.Title -match $ordinary[$Page]) {
                $other = "`$PSStyle.OutputRendering = 'PlainText'; & { $code } *>&1 | ForEach-Object {
                    `$_ -is [System.Management.Automation.ErrorRecord] ? `"`$(`$_.InvocationInfo.MyCommand): `$(`$_.Exception.Message)`"
                    : `$_ -is [System.Management.Automation.WarningRecord] ? `"WARNING: `$_`" : `$_ } |
                    Out-String -Width 120"
                $results[$step.Number] = @{
                    Screen = (Invoke-OtherPwsh -Prefix setpriv, --reuid=65534, --regid=65534, --clear-groups -Script $other) -join "`n"
                }
                continue
            }

            $log = "$folder/transcript"
            $null = Start-Transcript $log -UseMinimalHeader
            $items = [System.Collections.Generic.List[object]]::new()
            try {
                . $scope { . ([scriptblock]::Create($args[0])) *>&1 } $code | ForEach-Object { $items.Add($_) }
            }
            catch {
                $items.Add($_)
            }
            finally {
                $null = Stop-Transcript
            }

            # The transcript has what was written to the host, and lines about itself.
            $written = (Get-Content $log) -notmatch '^(\*{10,}|PowerShell transcript (start|end)|(Start|End) time: |(PS|>> ?)>?TerminatingError)'
            $results[$step.Number] = @{ Screen = (ConvertTo-Screen $items) + ($written -join "`n") }
        }

        Pop-Location
    }

    AfterAll {
        Remove-Module $scope -ErrorAction Ignore
        Get-ChildProcess | Where-Object { $_ -notin $before } | ForEach-Object { Stop-Process -Id $_ -Force -ErrorAction Ignore }

        Stop-Target
        Remove-Item $folder -Recurse -Force -ErrorAction Ignore
    }

    It '<Name>' -ForEach $Steps {
        $result = $results[$Number]
        if ($result.Skip) {
            Set-ItResult -Skipped -Because $result.Skip
            return
        }

        $expected = @(Get-Shape $Output | Select-Object -Unique)
        $actual = @(Get-Shape $result.Screen)
        $expected | Where-Object { $_ -notin $actual } | Should -BeNullOrEmpty -Because "the output was:`n$($result.Screen)"
        if ($Output) {
            $result.Screen.Trim() | Should -Not -BeNullOrEmpty
        }

        if ($Output -and -not $expected) {
            # Warnings and messages of progress can come first.
            $lines = $result.Screen -replace '\x1b\[[0-9;]*m' -split "`n" | Where-Object { $_.Trim() }
            $lines | ForEach-Object { Get-ValueKind $_ } | Should -Contain (Get-ValueKind ($Output -split "`n")[0]) -Because "the output was:`n$($result.Screen)"
        }

        $actual -match '^error' | Where-Object { $_ -notin $expected } | Should -BeNullOrEmpty -Because "the output was:`n$($result.Screen)"
    }
}
