# Runs the sweep of docs/many-hosts.md against several sshd on loopback.
BeforeAll {
    Import-Module $PSScriptRoot/Support.psm1 -Force
    Import-TestedModule
    $page = Get-Content $PSScriptRoot/../../docs/many-hosts.md -Raw
    . ([scriptblock]::Create([regex]::Match($page, '(?s)```powershell\r?\n(function Invoke-Sweep.*?)```').Groups[1].Value))
    $module = (Resolve-Path $PSScriptRoot/../../MemProc.psd1).Path
    $sshd = (Get-Command sshd, /usr/sbin/sshd -ErrorAction Ignore | Select-Object -First 1).Source
    $isReady = $sshd -and (Get-Command ssh, ssh-keygen -ErrorAction Ignore).Count -eq 2 -and (Test-IsRoot)
    $hosts = '127.0.0.2', '127.0.0.3', '127.0.0.4'
    $dead = '127.0.0.5'
    if ($isReady) {
        $folder = (New-Item -ItemType Directory (Join-Path ([System.IO.Path]::GetTempPath()) "memproc-$([guid]::NewGuid())")).FullName
        chmod 700 $folder
        ssh-keygen -q -t ed25519 -N '' -f $folder/user
        ssh-keygen -q -t ed25519 -N '' -f $folder/host
        $listener = [System.Net.Sockets.TcpListener]::new([ipaddress]::Loopback, 0)
        $listener.Start()
        $port = $listener.LocalEndpoint.Port
        $listener.Stop()
        $key = (Get-Content $folder/host.pub).Split(' ')[0, 1] -join ' '
        ($hosts | ForEach-Object { "[$_]:$port $key" }) | Set-Content $folder/known_hosts
        foreach ($name in $hosts) {
            @(
                "ListenAddress $name", "Port $port", "HostKey $folder/host", "AuthorizedKeysFile $folder/user.pub",
                'PidFile none', 'UsePAM no', 'StrictModes no', 'PasswordAuthentication no', 'PermitRootLogin yes',
                'KbdInteractiveAuthentication no',
                "Subsystem powershell $((Get-Command pwsh).Source) -sshs -NoLogo -NoProfile"
            ) | Set-Content $folder/$name.conf
            # The folder that sshd needs exists only in its own mount namespace.
            $null = Start-Shell ("exec unshare --mount /bin/sh -c 'mount -t tmpfs none /run && mkdir -m 755 /run/sshd && " +
                "exec $sshd -D -e -f $folder/$name.conf' 2> $folder/$name.log < /dev/null")
        }

        foreach ($name in $hosts) {
            for ($attempt = 0; $attempt -lt 2000 -and -not (Select-String listening $folder/$name.log -Quiet); $attempt++) {
                [System.Threading.Thread]::Sleep(5)
            }
        }

        $connection = @{
            Port = $port
            UserName = id -un
            KeyFilePath = "$folder/user"
            ConnectingTimeout = 60000
            Options = @{ BatchMode = 'yes'; UserKnownHostsFile = "$folder/known_hosts"; GlobalKnownHostsFile = '/dev/null' }
        }
        $target = Start-Target
        $seed = $target.Ask('seed').address
        # Two of the hosts at a time have a place; a third one would find none.
        $rows = Invoke-Sweep ($hosts + $dead) ([scriptblock]::Create("
            Import-Module '$module'
            `$place = foreach (`$number in 1, 2) {
                if (New-Item ('$folder/place' + `$number) -ItemType Directory -ErrorAction Ignore) { `$number; break }
            }
            if (-not `$place) { throw 'more hosts at a time than allowed' }
            Get-ProcMap $($target.Id) $seed
            Get-ProcMap 2147483647
            Get-ProcMemoryStatus $($target.Id) -Detailed
            Remove-Item ('$folder/place' + `$place)
        ")) -ThrottleLimit 2 -Connection $connection
    }

    function Assert-Hosts {
        if (-not $isReady) {
            Set-ItResult -Skipped -Because 'it needs root, sshd, ssh, and ssh-keygen'
        }
    }
}

AfterAll {
    Stop-Target
    if ($folder) {
        Remove-Item $folder -Recurse -Force
    }
}

Describe 'A sweep over many hosts' {
    It 'makes one table of the results' {
        Assert-Hosts
        $status = $rows | Where-Object PssBytes
        $status.PSComputerName | Sort-Object | Should -Be $hosts
        $status.ProcessId | Should -Be (@($target.Id) * 3)
        ($rows | Where-Object Start -EQ ($seed -band -4096)).Count | Should -Be 3
        $status | Out-Screen | Should -Match 'Pss +Uss'
    }

    It 'reports failures by host, and keeps to the limit' {
        Assert-Hosts
        $problems = $rows | Where-Object Problem
        # A host that does not answer, and a process that does not exist on each of the others.
        $problems.PSComputerName | Sort-Object | Should -Be ($hosts + $dead)
        ($problems | Where-Object PSComputerName -NE $dead).Problem | Should -BeLike 'Process 2147483647 does not exist*'
        $problems.Problem -match 'more hosts' | Should -BeNullOrEmpty
    }

    It 'returns objects that go on working on their host' {
        Assert-Hosts
        $map = $rows | Where-Object { $_.Path -ne $null -and $_.Start } | Select-Object -First 1
        $map | Out-Screen | Should -Match '0x[0-9a-f]+ .*rw-p'
        $block = Invoke-Command -HostName $map.PSComputerName @connection -ScriptBlock ([scriptblock]::Create("
            param(`$map)
            Import-Module '$module'
            `$map | Read-ProcessMemory -Length 16")) -ArgumentList $map
        $block.ProcessId | Should -Be $target.Id
        $block.Bytes | Should -Be (Read-ProcessMemory $target.Id $map.Start 16).Bytes
        # An array of bytes, which is hex in a CSV file on this side, too.
        $block.Bytes -is [byte[]] | Should -BeTrue
        ($block | ConvertTo-Csv | ConvertFrom-Csv).Bytes | Should -Match '^([0-9a-f]{2} ){15}[0-9a-f]{2}$'
    }

    It 'runs the commands of the page, and the line of the recipe' {
        Assert-Hosts
        Assert-PidNamespace
        $code = $target.Ask('map 4096 rwx private').address
        $text = $page -replace 'Import-Module MemProc', "Import-Module '$module'" -replace 'Invoke-Sweep \$hosts', 'Invoke-Sweep -Connection $connection $hosts' `
            -replace 'Invoke-Command -HostName \$map', 'Invoke-Command @connection -HostName $map'
        $commands = [regex]::Matches($text, '(?s)```powershell\r?\n(?!function)(.*?)```').ForEach{ [scriptblock]::Create($_.Groups[1].Value) }
        $commands | Should -HaveCount 4
        $names = $hosts
        Push-Location $folder
        try {
            $hosts + $dead | Set-Content hosts.txt
            $top = . $commands[0]
            $top.Count | Should -BeLessOrEqual 10
            $top.PSComputerName | Sort-Object -Unique | Should -Be $names
            . $commands[1] | Out-Screen | Should -Match "(?m)^$dead +\S"
            . $commands[2]
            $found = Import-Csv wx.csv
            ($found | Where-Object { $_.ProcessId -eq $target.Id -and $_.StartHex -eq ('0x{0:x}' -f $code) }).PSComputerName |
                Sort-Object | Should -Be $names
            ($found | Where-Object Problem).PSComputerName | Should -Contain $dead
            $hosts = $names
            $rows = Invoke-Sweep -Connection $connection $hosts[0] ([scriptblock]::Create("Import-Module '$module'; Get-ProcMap $($target.Id)"))
            . $commands[3] | Out-Screen | Should -Match '(?m)^0x[0-9a-f]+ ([0-9a-f]{2} ){8}'

            $recipe = Get-Content $PSScriptRoot/../../docs/recipes.md -Raw
            $find = [scriptblock]::Create("Import-Module '$module'; " + [regex]::Match($recipe, '(?s)\$find = \{(.*?)\n\}').Groups[1].Value)
            $line = [regex]::Match($recipe, 'Invoke-Command -HostName web1, web2, web3 .*').Value
            $line | Should -Match 'WritableExecutable|\$find'
            $table = . ([scriptblock]::Create($line.Replace('-HostName web1, web2, web3', '@connection -HostName $hosts'))) | Out-Screen
            foreach ($name in $names) {
                $table | Should -Match "(?m)^$name +dotnet +\d+"
            }
        }
        finally {
            Pop-Location
        }
    }
}
