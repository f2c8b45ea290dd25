# Completion of espatctl for bash. Names come from `espatctl complete`, which neither starts the daemon nor scans.
# A new verb or option goes into the table of _espatctl_options; tests/unit/cli/completion_test.bash compares it with --help.

# Long options of a verb (empty: the global ones).
_espatctl_options() {
  case $1 in
    '') printf '%s ' --module --json --no-legend --no-pager --timeout --help --version ;;
    scan) printf '%s ' --ssid --channel --cached ;;
    connect) printf '%s ' --passphrase --passphrase-file --bssid --hidden --no-save --no-autoconnect ;;
    ping) printf '%s ' --count --interval ;;
    resolve) printf '%s ' --ipv4 --ipv6 ;;
    stream) printf '%s ' --udp --tls --server-name --rule --alpn ;;
    at) printf '%s ' --force ;;
    monitor) printf '%s ' --no-reports ;;
    'ble scan') printf '%s ' --watch --for --passive --uuid --rssi --pattern ;;
    'ble connect') printf '%s ' --random ;;
    'ble read' | 'ble write') printf '%s ' --as ;;
    'ble notify') printf '%s ' --as --count ;;
    'ble advertise') printf '%s ' --name --uuid --manufacturer --data --scan-response --interval --not-connectable --stop ;;
    'ble serve') printf '%s ' --as ;;
    'mqtt connect')
      printf '%s ' --port --transport --client-id --username --password --password-file --keep-alive --persistent --will-topic \
        --will-message --will-qos --will-retain --insecure --ca --client-certificate --alpn --server-name --path
      ;;
    'mqtt pub') printf '%s ' --lines --qos --retain ;;
    'mqtt sub') printf '%s ' --verbose --qos --count ;;
    reset) printf '%s ' --factory --yes ;;
    'tls add') printf '%s ' --host --server-name --no-verify --ca --client-certificate --alpn --psk-identity --psk-key-file ;;
    'forward add') printf '%s ' --to --ssl --ipv6 --max-clients --name ;;
    'modules add') printf '%s ' --baud-rate --flow-control --group ;;
  esac
}

# Puts the names of a kind that begin with the current word into COMPREPLY, quoted for the command line.
_espatctl_names() {
  local name current=$2 module=$3
  # What was typed may be quoted already: "A net or A\ net.
  current=${current#[\"\']}
  current=${current//\\/}
  while IFS= read -r name; do
    [[ $name == "$current"* ]] && COMPREPLY+=("$(printf '%q' "$name")")
  done < <(espatctl ${module:+-m "$module"} complete "$1" 2>/dev/null)
}

_espatctl() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local verb='' module='' word takes_value='' count=0 i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ -n $takes_value ]]; then
      # In "--json=short" bash makes "=" a word of its own.
      [[ $word == '=' ]] && continue
      [[ $takes_value == module ]] && module=$word
      takes_value=''
      continue
    fi
    case $word in
      -m | --module) takes_value=module ;;
      --json | --timeout | --ssid | --channel | --passphrase | --passphrase-file | --bssid) takes_value=yes ;;
      -c | --count | -i | --interval | --baud-rate | --flow-control | --group) takes_value=yes ;;
      --host | --server-name | --rule | --ca | --client-certificate | --alpn | --psk-identity | --psk-key-file) takes_value=yes ;;
      --to | --max-clients | --name) takes_value=yes ;;
      --for | --uuid | --rssi | --pattern | --as | --manufacturer | --data | --scan-response) takes_value=yes ;;
      --transport | --username | --password | --keep-alive | --will-topic | --will-message | --will-qos | --path | --qos) takes_value=yes ;;
      --client-id | -q) takes_value=yes ;;
      -* | =) ;;
      *)
        if [[ -z $verb ]]; then
          verb=$word
        elif [[ $verb == modules || $verb == networks || $verb == tls || $verb == forward || $verb == ble || $verb == mqtt ]] && ((count == 0)); then
          verb="$verb $word"
        else
          count=$((count + 1))
        fi
        ;;
    esac
  done
  if [[ $current == '=' ]]; then
    current=''
  elif [[ $previous == '=' ]]; then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  case $previous in
    -m | --module) _espatctl_names modules "$current" ''; return ;;
    --json) mapfile -t COMPREPLY < <(compgen -W 'pretty short off' -- "$current"); return ;;
    --flow-control) mapfile -t COMPREPLY < <(compgen -W 'rts-cts none' -- "$current"); return ;;
    --baud-rate) mapfile -t COMPREPLY < <(compgen -W '115200 460800 921600 2000000 3000000' -- "$current"); return ;;
    --passphrase-file) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    --psk-key-file) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    --host | --server-name | --ca | --client-certificate | --alpn | --psk-identity) return ;;
    --ssid) _espatctl_names ssids "$current" "$module"; return ;;
    --to | --max-clients | --name) return ;;
    --as) mapfile -t COMPREPLY < <(compgen -W 'hex text int8 uint8 int16 uint16 int32 uint32 float32' -- "$current"); return ;;
    --for | --uuid | --rssi | --pattern | --manufacturer | --data | --scan-response) return ;;
    --timeout | --channel | --passphrase | --bssid | -c | --count | -i | --interval) return ;;
    --rule) _espatctl_names tls "$current" "$module"; return ;;
  esac
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_espatctl_options '') $(_espatctl_options "$verb")" -- "$current")
    return
  fi
  case $verb in
    '')
      mapfile -t COMPREPLY < <(compgen -W 'list status at reset modules scan connect disconnect networks links forward ping resolve
        stream tls ble mqtt monitor' -- "$current")
      ;;
    connect) ((count == 0)) && _espatctl_names ssids "$current" "$module" ;;
    networks) mapfile -t COMPREPLY < <(compgen -W 'forget' -- "$current") ;;
    'networks forget') ((count == 0)) && _espatctl_names known "$current" "$module" ;;
    tls) mapfile -t COMPREPLY < <(compgen -W 'list add remove' -- "$current") ;;
    'tls remove') ((count == 0)) && _espatctl_names tls "$current" "$module" ;;
    forward) mapfile -t COMPREPLY < <(compgen -W 'list add remove' -- "$current") ;;
    'forward remove') ((count == 0)) && _espatctl_names forwards "$current" "$module" ;;
    ble)
      mapfile -t COMPREPLY < <(compgen -W 'scan devices connect disconnect services read write notify advertise serve' -- "$current")
      ;;
    'ble connect' | 'ble disconnect' | 'ble services' | 'ble read' | 'ble write' | 'ble notify')
      ((count == 0)) && _espatctl_names devices "$current" "$module"
      ;;
    'ble serve') ((count == 0)) && mapfile -t COMPREPLY < <(compgen -W 'set notify indicate watch' -- "$current") ;;
    mqtt) mapfile -t COMPREPLY < <(compgen -W 'connect pub sub unsub status disconnect' -- "$current") ;;
    modules) mapfile -t COMPREPLY < <(compgen -W 'add remove' -- "$current") ;;
    'modules remove') ((count == 0)) && _espatctl_names modules "$current" '' ;;
    'modules add') ((count == 1)) && mapfile -t COMPREPLY < <(compgen -f -- "${current:-/dev/}") ;;
  esac
}

complete -F _espatctl espatctl
