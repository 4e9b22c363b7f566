# bash completion for incubate. In ~/.bashrc: eval "$(incubate completion bash)"
_incubate() {
  local words=() word current before='' kind='' line index action
  for ((index = 1; index <= COMP_CWORD; index++)); do
    word=${COMP_WORDS[index]//[\\\"\']/}
    # Bash takes = for a word of its own.
    if ((${#words[@]} > 0)) && [[ $word == =* || ${words[${#words[@]} - 1]} == *= ]]; then
      words[${#words[@]} - 1]+=$word
    else
      words+=("$word")
    fi
  done
  current=${words[${#words[@]} - 1]}
  if [[ $current == *=* ]]; then before=${current%"${current##*=}"}; fi
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ -z $kind ]]; then
      kind=$line
      continue
    fi
    word=${line%%$'\t'*}
    word=${word#"$before"}
    if [[ $word == *= ]]; then compopt -o nospace 2>/dev/null; fi
    COMPREPLY+=("$(printf '%q' "$word")")
  done < <(incubate __complete "${words[@]}" 2>/dev/null)
  if [[ $kind == files || $kind == directories ]]; then
    action=-f
    if [[ $kind == directories ]]; then action=-d; fi
    compopt -o filenames 2>/dev/null
    while IFS= read -r line; do
      COMPREPLY+=("$line")
    done < <(compgen "$action" -- "${current#"$before"}")
  fi
}
complete -F _incubate incubate
