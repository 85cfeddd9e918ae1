#!/usr/bin/env bash
# etc/container/daemonset.yaml is YAML, whole, and what iscsid needs. Usage: daemonset-fits.sh [FILE]
set -eu
file=${1:-$(dirname "$0")/../../etc/container/daemonset.yaml}
python3 -c 'import yaml' 2>/dev/null || {
    echo "skipped: needs python3-yaml"
    exit 77
}
stop_timeout=$(sed -n 's/.*"iscsid.stop_timeout", "\([0-9]*\)".*/\1/p' "$(dirname "$0")/../../libiscsi/admin/setting_table.hpp")
python3 - "$file" "$stop_timeout" <<'END'
import sys, yaml

[it] = yaml.safe_load_all(open(sys.argv[1]))
wrong = []

def expect(holds, words):
    if not holds:
        wrong.append(words)

expect((it['apiVersion'], it['kind']) == ('apps/v1', 'DaemonSet'), 'a DaemonSet of apps/v1')
labels = it['spec']['template']['metadata']['labels']
expect(it['spec']['selector']['matchLabels'].items() <= labels.items(), 'a selector that selects its pods')
pod = it['spec']['template']['spec']
[container] = pod['containers']
expect(pod['hostNetwork'] is True and pod['hostPID'] is True, "the node's network and processes")
expect(pod['terminationGracePeriodSeconds'] > 2 * int(sys.argv[2]), 'time for users and last flushes')
expect(container['securityContext']['privileged'] is True, 'block devices')
expect('limits' not in container['resources'], 'no limit that would end the daemon')
mounts = {each['name']: each for each in container['volumeMounts']}
volumes = {each['name']: each for each in pod['volumes']}
expect(mounts.keys() == volumes.keys(), 'a volume for each mount and no other')
expect(len(mounts) == len(container['volumeMounts']), 'a name for each mount')
for name, volume in volumes.items():
    if 'hostPath' in volume:
        inside, outside = mounts[name]['mountPath'], volume['hostPath']['path']
        expect(inside == outside, f'{name}: one path inside and outside, got {inside} and {outside}')
places = {each['mountPath']: each for each in mounts.values()}
for path in '/dev', '/etc/iscsi', '/var/lib/iscsi', '/run/iscsid':
    expect(path in places and not places[path].get('readOnly'), f'{path}, writable')
expect(places['/run/iscsid'].get('mountPropagation') == 'Bidirectional', "mounts of fuse that are the node's")
for volume in volumes.values():
    # YAML 1.1 reads 0400 as an octal number, as kubectl does.
    expect('secret' not in volume or volume['secret']['defaultMode'] & 0o077 == 0, 'secrets that iscsid accepts')
for words in wrong:
    print(f'{sys.argv[1]}: expected {words}')
sys.exit(bool(wrong))
END
