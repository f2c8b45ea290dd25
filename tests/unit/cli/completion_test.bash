#!/bin/bash
# Sources the bash completion and compares what it offers with what `espatctl --help` lists; then checks that the zsh and fish
# completions name every verb and every option too.
#
# Usage: completion_test.bash ESPATCTL CLI_DIRECTORY
set -u
espatctl=$1
directory=$2
failed=0

fail() {
  printf 'FAILED: %s\n' "$1"
  failed=1
}

# The completion asks espatctl for names: a stand-in answers, so that no bus is needed.
espatctl() {
  case "$*" in
    "-m esp1 complete ssids") printf '%s\n' 'Home' 'A network' ;;
    "complete modules") printf '%s\n' 'esp0' 'esp1' ;;
    "complete tls") printf '%s\n' 'mqtt' ;;
    "complete known") printf '%s\n' 'Attic' ;;
    "complete forwards") printf '%s\n' 'web' ;;
    "complete devices") printf '%s\n' '24:0a:c4:d6:e4:46' ;;
    "complete ssids") printf '%s\n' 'Home' "It's \$5" ;;
    *) return 1 ;;
  esac
}

# shellcheck source=/dev/null
source "$directory/completion/espatctl.bash" || exit 1

# complete_words WORD...: what is offered for the last word, sorted, one a line.
complete_words() {
  COMP_WORDS=("$@")
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  COMPREPLY=()
  _espatctl
  printf '%s\n' "${COMPREPLY[@]}" | sort
}

expect() {
  local expected=$1
  shift
  local offered
  offered=$(complete_words "$@" | paste -sd'|')
  [ "$offered" = "$expected" ] || fail "for '$*' expected '$expected', got '$offered'"
}

verbs=$("$espatctl" --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p' | sort)
[ -n "$verbs" ] || fail "espatctl --help lists no verbs"
[ "$(complete_words espatctl '')" = "$verbs" ] || fail "verbs offered: $(complete_words espatctl '' | paste -sd' ')"

# options_of VERB...: the long options that --help tells, and -m's kin only where they are told.
options_of() {
  "$espatctl" "$@" --help | sed -n '/^Options:/,/^$/p' | grep -o -E '(^|[ ,])--[a-z0-9-]+' | tr -d ' ,' | grep -v -x -e --help | sort -u
}

global=$(options_of)
for option in $global --help; do
  complete_words espatctl --  | grep -q -x -e "$option" || fail "$option is not offered"
done

for verb in $verbs 'tls add' 'tls remove' 'forward add' 'forward remove' 'modules add' 'modules remove' 'networks forget' 'ble scan' 'ble connect' 'ble read' 'ble write' \
  'ble notify' 'ble advertise' 'mqtt connect' 'mqtt pub' 'mqtt sub'; do
  # shellcheck disable=SC2086
  for option in $(options_of $verb); do
    # shellcheck disable=SC2086
    complete_words espatctl $verb -- | grep -q -x -e "$option" || fail "$verb: $option is not offered by bash"
  done
done

for shell in zsh fish; do
  case $shell in
    zsh) file=$directory/completion/_espatctl ;;
    fish) file=$directory/completion/espatctl.fish ;;
  esac
  for verb in $verbs; do
    grep -q -w -e "$verb" "$file" || fail "$shell does not know the verb $verb"
  done
  for option in $global $(for verb in $verbs 'tls add' 'forward add' 'modules add' 'ble scan' 'ble connect' 'ble notify' 'ble advertise' 'mqtt connect' 'mqtt pub' 'mqtt sub'; do
    # shellcheck disable=SC2086
    options_of $verb; done | sort -u); do
    grep -q -E -e "[^a-z-]--${option#--}([^a-z-]|$)|-l ${option#--}( |$)" "$file" || fail "$shell does not know $option"
  done
done

expect 'scan|status|stream' espatctl s
expect 'esp0|esp1' espatctl -m ''
expect 'esp1' espatctl --module esp1
expect 'off|pretty|short' espatctl --json ''
expect 'Home|It\'"'"'s\ \$5' espatctl connect ''
expect 'Home' espatctl connect H
expect 'A\ network|Home' espatctl -m esp1 connect ''
expect 'forget' espatctl networks ''
expect 'Attic' espatctl networks forget ''
expect 'add|list|remove' espatctl tls ''
expect 'mqtt' espatctl tls remove ''
expect 'mqtt' espatctl stream --tls --rule ''
expect 'add|list|remove' espatctl forward ''
expect 'web' espatctl forward remove ''
expect 'scan|serve|services' espatctl ble s
expect 'connect' espatctl mqtt c
expect '24:0a:c4:d6:e4:46' espatctl ble read ''
expect 'int16|int32|int8' espatctl ble read 24:0a:c4:d6:e4:46 2a19 --as i
expect 'indicate|notify|set|watch' espatctl ble serve ''
expect 'add|remove' espatctl modules ''
expect 'esp0|esp1' espatctl modules remove ''
expect 'none|rts-cts' espatctl modules add esp2 /dev/ttyS0 --flow-control ''

[ $failed -eq 0 ] && printf 'All completions are right.\n'
exit $failed
