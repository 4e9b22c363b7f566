# fish completion for incubate: incubate completion fish > ~/.config/fish/completions/incubate.fish
function __incubate_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines (incubate __complete $words[2..-1] "$current" 2>/dev/null)
    if set -q lines[2]
        printf '%s\n' $lines[2..-1]
    end
    switch "$lines[1]"
        case files
            __fish_complete_path "$current"
        case directories
            __fish_complete_directories "$current"
    end
end
complete -c incubate -f -a '(__incubate_complete)'
