#compdef memproc
# Completion of memproc for zsh. memproc finds the words itself; where it finds none, zsh completes file names.
_memproc() {
    local line tab=$'\t'
    local -a items
    for line in "${(@f)$(${~words[1]} '[complete]' "${(j: :)words[2,CURRENT-1]} $PREFIX" 2>/dev/null)}"; do
        [[ -n $line ]] && items+=("${${line%%$tab*}//:/\\:}:${line#*$tab}")
    done
    if (( $#items )); then
        _describe 'memproc' items
    else
        _files
    fi
}

# As a file in fpath it is the function itself; otherwise it is sourced.
if [[ $funcstack[1] == _memproc ]]; then
    _memproc "$@"
else
    compdef _memproc memproc
fi
