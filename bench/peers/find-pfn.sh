#!/bin/sh
# find-pfn.sh PAGE_TYPES PFN: who maps a frame, as people do it without MemProc: page-types on every process, and grep.
for folder in /proc/[0-9]*; do
    id=${folder#/proc/}
    if "$1" -p "$id" -N -l 2>/dev/null | awk '{ print $2 }' | grep -qx "$2"; then
        echo "$id"
    fi
done
