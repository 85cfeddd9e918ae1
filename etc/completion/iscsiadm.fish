function __iscsiadm_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] --complete $words[2..-1] 2>/dev/null
end
complete -c iscsiadm -f -a '(__iscsiadm_complete)'
