# shellcheck shell=bash
# Completion of coworker's commands and flags for bash. It asks the program itself, so that both always agree.

_coworker() {
  local word=${COMP_WORDS[COMP_CWORD]} program=${COMP_WORDS[0]} path=() part
  for part in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $part == -* ]] || path+=("$part")
  done
  local help
  # Arguments that are no commands end the path: try the longest one that the program knows.
  while help=$("$program" "${path[@]}" --help 2>/dev/null) || [[ ${#path[@]} -gt 0 ]]; do
    [[ -n $help ]] && break
    unset 'path[-1]'
  done
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(grep -oE -- '--[a-z][a-z-]*' <<<"$help" | sort -u)" -- "$word")
  else
    local commands
    commands=$(sed -n '/^Subcommands:/,/^$/ s/^  \([a-z][a-z-]*\).*/\1/p' <<<"$help")
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
    [[ ${#COMPREPLY[@]} -gt 0 ]] || compopt -o default
  fi
}
complete -F _coworker coworker
