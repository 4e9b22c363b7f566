#compdef incubate
# zsh completion for incubate. In ~/.zshrc, after compinit: eval "$(incubate completion zsh)"
_incubate() {
  local -a lines described open
  local line word
  lines=("${(@f)$(incubate __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "${(@)lines[2,-1]}"; do
    word=${line%%$'\t'*}
    if [[ $word == *= ]]; then
      open+=("$word")
    else
      described+=("${word//:/\\:}:${line#*$'\t'}")
    fi
  done
  if (($#open)); then compadd -S '' -- $open; fi
  if (($#described)); then _describe -t incubate incubate described; fi
  case ${lines[1]} in
    files) _files ;;
    directories) _files -/ ;;
  esac
}
if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then _incubate "$@"; else compdef _incubate incubate; fi
