# Completion of memproc for bash. memproc finds the words itself; where it finds none, bash completes file names.
_memproc() {
    local program=${COMP_WORDS[0]/#\~\//$HOME/} text=${COMP_LINE:0:COMP_POINT} word
    text=${text#*"${COMP_WORDS[0]}"}
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        # bash completes only what follows an equals sign.
        if [[ ${text##* } == *=* && $COMP_WORDBREAKS == *=* ]]; then
            word=${word#*=}
        fi
        COMPREPLY+=("$(printf %q "$word")")
    done < <("$program" '[complete]' "$text" 2>/dev/null)
}
complete -o default -F _memproc memproc
