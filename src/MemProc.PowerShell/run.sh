#!/bin/sh
# What `dotnet run` on this project starts: PowerShell with MemProc imported. Without a command it is a prompt; a command
# runs as with pwsh -Command, and its exit code is returned.
# Usage: run.sh <dotnet> <pwsh.dll> <manifest> [command…]
dotnet=$1
pwsh=$2
import="Import-Module '$(printf %s "$3" | sed "s/'/''/g")'"
shift 3
if [ $# -eq 0 ]; then
    exec "$dotnet" "$pwsh" -NoLogo -NoProfile -NoExit -Command "$import"
fi

# Colors are for a terminal.
[ -t 1 ] || export NO_COLOR=1
exec "$dotnet" "$pwsh" -NoLogo -NoProfile -Command "$import; $*"
