# README's table "I want to know …": each command is run, and answers.

BeforeDiscovery {
    $rows = foreach ($line in Get-Content $PSScriptRoot/../../README.md) {
        if ($line -match '^\| (?<question>[^|`]+) \| (?<answer>`.*) \|$') {
            $question = $Matches.question
            $commands = [regex]::Matches(($Matches.answer -replace '\\\|', '|'), '`([^`]+)`').ForEach{ $_.Groups[1].Value }
            # What the table of rights names is no command.
            if ($commands -match '\w+-\w+ ') {
                @{ Question = $question; Commands = $commands }
            }
        }
    }
}

BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $target = Start-Target
    $number = $target.Ask('map 4096 rw- private').address
    $null = $target.Ask("spin $number"), $target.Ask('seed'), $target.Ask('map 4096 rwx private')
    $deleted = Join-Path $TestDrive deleted.so
    [IO.File]::WriteAllBytes($deleted, [byte[]]::new(4096))
    $null = $target.Ask("file 0 4096 rw- private $deleted")
    Remove-Item $deleted
    $p = Get-Process -Id $target.Id
    $null = Save-ProcessMemory $p "$TestDrive/app.core" -NoContent

    # The names of the examples, as they are here. What runs until Ctrl-C ends after the first answer.
    $here = [ordered] @{
        "'app!counter'" = '0x{0:x}' -f $number
        '0x7f93a4719000' = '0x{0:x}' -f $number
        "'text'" = "'GHIJKL'"
        'app.core' = "$TestDrive/app.core"
        '-Seconds 5' = '-Seconds 0.1'
        '-Writer' = '-Writer -Count 1 -Timeout 10s'
        '-Value 5 -Type Int64' = '-Value 5 -Type Int64 -Confirm:$false -PassThru'
        '-Last' = '-Last -Confirm:$false -PassThru'
    }
}

AfterAll {
    Stop-Target
}

Describe 'README' {
    It 'answers <question>' -ForEach $rows {
        Assert-Root
        Assert-PidNamespace
        if ($Question -match 'physical memory|free') {
            Assert-KernelMemory
        }

        foreach ($command in $Commands) {
            foreach ($name in $here.Keys) {
                $command = $command.Replace($name, $here[$name])
            }

            if ($command -match '^Write-') {
                $null = $target.Ask('still')
            }

            $output = Invoke-Expression $command -ErrorVariable problems
            $problems | Should -BeNullOrEmpty -Because $command
            $output | Should -Not -BeNullOrEmpty -Because $command
            ($output | Out-Screen) | Should -Not -BeNullOrEmpty
        }
    }

    It 'grants rights to a user who is not root' {
        Assert-Root
        $text = (Get-Content -Raw $PSScriptRoot/../../README.md) -replace '\\\n'
        $text -match '(?m)^sudo (setpriv .+) pwsh$' | Should -BeTrue
        $prefix = $Matches[1].Replace('$(id -u)', '65534').Replace('$(id -g)', '65534') -split ' +'
        $script = "(Test-ProcMemAccess $($target.Id) -Ability Maps, PageMap, ReadMem, Stop | Where-Object IsAllowed).Ability -join ' '"
        Invoke-OtherPwsh -Prefix setpriv, --reuid=65534, --regid=65534, --clear-groups -Script $script | Should -BeNullOrEmpty
        Invoke-OtherPwsh -Prefix $prefix -Script $script | Should -Be 'Maps PageMap ReadMem Stop'
    }

    It 'says how to get PowerShell and how to install, and starts with a picture before the table' {
        $lines = Get-Content $PSScriptRoot/../../README.md
        $picture = $lines.IndexOf(($lines -match '^!\[.+\]\(docs/pictures/.+\.svg\)$')[0])
        $table = $lines.IndexOf('## I want to know …')
        $picture | Should -BeGreaterThan 0
        $table | Should -BeGreaterThan $picture
        $lines | Should -Contain 'dotnet tool restore'
        $lines -match '^dotnet tool run pwsh build\.ps1 -Task Install' | Should -Not -BeNullOrEmpty
        foreach ($link in [regex]::Matches(($lines -join "`n"), '\]\((?!http)([^)#]+)\)')) {
            "$PSScriptRoot/../../$($link.Groups[1].Value)" | Should -Exist
        }
    }

    It 'has a row for each question' {
        $rows = (Get-Content $PSScriptRoot/../../README.md) -match '^\| .+ \| `[A-Z]\w+-'
        $rows.Count | Should -BeGreaterThan 19
    }
}
