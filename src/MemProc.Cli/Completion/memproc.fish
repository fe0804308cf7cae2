# Completion of memproc for fish. memproc finds the words itself; where it finds none, fish completes file names.
function __memproc_complete
    set -l tokens (commandline -opc)
    set -l items ($tokens[1] '[complete]' (string join -- ' ' $tokens[2..-1] (commandline -ct)) 2>/dev/null)
    if set -q items[1]
        printf '%s\n' $items
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c memproc -f -a '(__memproc_complete)'
