# Completion of espatctl for fish. Names come from `espatctl complete`, which neither starts the daemon nor scans.

function __espatctl_names
    set -l module (string match -r -g -- '(?:-m|--module)[ =](\S+)' (commandline -p))
    if test -n "$module"
        espatctl -m $module complete $argv[1] 2>/dev/null
    else
        espatctl complete $argv[1] 2>/dev/null
    end
end

set -l verbs list status at reset modules scan connect disconnect networks links forward ping resolve stream tls monitor

complete -c espatctl -f
complete -c espatctl -s m -l module -x -a '(__espatctl_names modules)' -d 'The module meant'
complete -c espatctl -l json -x -a 'pretty short off' -d 'Print JSON'
complete -c espatctl -s j -d 'Print JSON, pretty on a terminal'
complete -c espatctl -l no-legend -d 'No line of titles and no count'
complete -c espatctl -l no-pager -d 'Do not page long output'
complete -c espatctl -l timeout -x -d 'How long to wait for the daemon'
complete -c espatctl -s h -l help -d 'Show help'
complete -c espatctl -l version -d 'Show the version'

set -l no_verb "not __fish_seen_subcommand_from $verbs"
complete -c espatctl -n "$no_verb" -a list -d 'List modules'
complete -c espatctl -n "$no_verb" -a status -d 'Show how a module does'
complete -c espatctl -n "$no_verb" -a at -d 'Send a raw command'
complete -c espatctl -n "$no_verb" -a reset -d 'Restart the module'
complete -c espatctl -n "$no_verb" -a modules -d 'List, add and remove modules'
complete -c espatctl -n "$no_verb" -a scan -d 'Look for networks'
complete -c espatctl -n "$no_verb" -a connect -d 'Join a network'
complete -c espatctl -n "$no_verb" -a disconnect -d 'Leave the network and stay away'
complete -c espatctl -n "$no_verb" -a networks -d 'List known networks, or forget one'
complete -c espatctl -n "$no_verb" -a links -d 'Show the links of the module'
complete -c espatctl -n "$no_verb" -a forward -d 'List, add and remove ports that programs serve'
complete -c espatctl -n "$no_verb" -a ping -d 'Let the module ping a host'
complete -c espatctl -n "$no_verb" -a resolve -d 'Resolve a name through the module'
complete -c espatctl -n "$no_verb" -a stream -d 'Connect input and output to a host'
complete -c espatctl -n "$no_verb" -a tls -d 'List, add and remove rules for TLS'
complete -c espatctl -n "$no_verb" -a monitor -d 'Show changes of state and reports'

complete -c espatctl -n '__fish_seen_subcommand_from scan' -l ssid -x -a '(__espatctl_names ssids)' -d 'Only this network'
complete -c espatctl -n '__fish_seen_subcommand_from scan' -l channel -x -d 'Only this channel'
complete -c espatctl -n '__fish_seen_subcommand_from scan' -l cached -d 'What the last scan found'
complete -c espatctl -n '__fish_seen_subcommand_from connect' -a '(__espatctl_names ssids)'
complete -c espatctl -n '__fish_seen_subcommand_from connect' -l passphrase -x -d 'The passphrase'
complete -c espatctl -n '__fish_seen_subcommand_from connect' -l passphrase-file -r -F -d 'Read it from a file'
complete -c espatctl -n '__fish_seen_subcommand_from connect' -l bssid -x -d 'Only this access point'
complete -c espatctl -n '__fish_seen_subcommand_from connect' -l hidden -d 'The network does not tell its name'
complete -c espatctl -n '__fish_seen_subcommand_from connect' -l no-save -d 'Do not know it from now on'
complete -c espatctl -n '__fish_seen_subcommand_from connect' -l no-autoconnect -d 'Do not join it later'
complete -c espatctl -n '__fish_seen_subcommand_from networks; and not __fish_seen_subcommand_from forget' -a forget
complete -c espatctl -n '__fish_seen_subcommand_from forget' -a '(__espatctl_names known)'
complete -c espatctl -n '__fish_seen_subcommand_from modules; and not __fish_seen_subcommand_from add remove' -a 'add remove'
complete -c espatctl -n '__fish_seen_subcommand_from modules; and __fish_seen_subcommand_from remove' -a '(__espatctl_names modules)'
complete -c espatctl -n '__fish_seen_subcommand_from modules; and __fish_seen_subcommand_from add' -l baud-rate -x -a '115200 460800 921600 2000000 3000000' -d 'Rate'
complete -c espatctl -n '__fish_seen_subcommand_from modules; and __fish_seen_subcommand_from add' -l flow-control -x -a 'rts-cts none' -d 'Flow control'
complete -c espatctl -n '__fish_seen_subcommand_from modules; and __fish_seen_subcommand_from add' -l group -x -d 'Share the default route'
complete -c espatctl -n '__fish_seen_subcommand_from modules; and __fish_seen_subcommand_from add' -F
complete -c espatctl -n '__fish_seen_subcommand_from forward; and not __fish_seen_subcommand_from list add remove' -a 'list add remove'
complete -c espatctl -n '__fish_seen_subcommand_from forward; and __fish_seen_subcommand_from add' -l to -x -d 'Port of the program on this host'
complete -c espatctl -n '__fish_seen_subcommand_from forward; and __fish_seen_subcommand_from add' -l ssl -d 'The module does TLS'
complete -c espatctl -n '__fish_seen_subcommand_from forward; and __fish_seen_subcommand_from add' -l ipv6 -d 'Clients come over IPv6'
complete -c espatctl -n '__fish_seen_subcommand_from forward; and __fish_seen_subcommand_from add' -l max-clients -x -d 'How many at one time'
complete -c espatctl -n '__fish_seen_subcommand_from forward; and __fish_seen_subcommand_from add' -l name -x -d 'What to call it'
complete -c espatctl -n '__fish_seen_subcommand_from forward; and __fish_seen_subcommand_from remove' -a '(__espatctl_names forwards)'
complete -c espatctl -n '__fish_seen_subcommand_from tls; and not __fish_seen_subcommand_from list add remove' -a 'list add remove'
complete -c espatctl -n '__fish_seen_subcommand_from tls; and __fish_seen_subcommand_from add' -l host -x -d 'Name or address of far ends'
complete -c espatctl -n '__fish_seen_subcommand_from tls; and __fish_seen_subcommand_from add' -l server-name -x -d 'Name of the server'
complete -c espatctl -n '__fish_seen_subcommand_from tls; and __fish_seen_subcommand_from add' -l no-verify -d 'Do not check its certificate'
complete -c espatctl -n '__fish_seen_subcommand_from tls; and __fish_seen_subcommand_from add' -l ca -x -d 'Number of the CA certificate'
complete -c espatctl -n '__fish_seen_subcommand_from tls; and __fish_seen_subcommand_from add' -l client-certificate -x -d 'Number of the certificate to show'
complete -c espatctl -n '__fish_seen_subcommand_from tls; and __fish_seen_subcommand_from add' -l alpn -x -d 'Protocol to offer'
complete -c espatctl -n '__fish_seen_subcommand_from tls; and __fish_seen_subcommand_from add' -l psk-identity -x -d 'Use a pre-shared key'
complete -c espatctl -n '__fish_seen_subcommand_from tls; and __fish_seen_subcommand_from add' -l psk-key-file -r -F -d 'Read the key from a file'
complete -c espatctl -n '__fish_seen_subcommand_from tls; and __fish_seen_subcommand_from remove' -a '(__espatctl_names tls)'
complete -c espatctl -n '__fish_seen_subcommand_from ping' -s c -l count -x -d 'How many times'
complete -c espatctl -n '__fish_seen_subcommand_from ping' -s i -l interval -x -d 'Seconds between two'
complete -c espatctl -n '__fish_seen_subcommand_from resolve' -s 4 -l ipv4 -d 'IPv4 only'
complete -c espatctl -n '__fish_seen_subcommand_from resolve' -s 6 -l ipv6 -d 'IPv6 only'
complete -c espatctl -n '__fish_seen_subcommand_from stream' -l udp -d 'Datagrams'
complete -c espatctl -n '__fish_seen_subcommand_from stream' -l tls -d 'The module does TLS'
complete -c espatctl -n '__fish_seen_subcommand_from stream' -l server-name -x -d 'Name that the certificate must be made for'
complete -c espatctl -n '__fish_seen_subcommand_from stream' -l rule -x -a '(__espatctl_names tls)' -d 'TLS rule that says how'
complete -c espatctl -n '__fish_seen_subcommand_from stream' -l alpn -x -d 'Protocol to offer'
complete -c espatctl -n '__fish_seen_subcommand_from at' -l force -d 'Although it may disturb the daemon'
complete -c espatctl -n '__fish_seen_subcommand_from monitor' -l no-reports -d 'State only'
complete -c espatctl -n '__fish_seen_subcommand_from reset' -l factory -d 'Factory settings as well'
complete -c espatctl -n '__fish_seen_subcommand_from reset' -l yes -d 'Do not ask'
