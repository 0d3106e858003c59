#!/bin/sh
# Two switches of one user, root only in a user namespace of his own: ordinary sockets on the
# loopback device for the underlay, packet ports on veths for the containers.
#
#   overlay-user.sh NODE SLUICE FOLDER
#
# Runs in namespaces that `unshare --user --map-root-user --net` made.
set -eu
node=$1 sluice=$2 folder=$3
children=
trap 'kill $children 2>/dev/null || true' EXIT

ip link set lo up
for side in 1 2; do
  ip addr add 192.0.2.$side/32 dev lo
  unshare --net sleep 300 &
  eval "c$side=$!"
  children="$children $!"
done
for side in 1 2; do
  eval "pid=\$c$side"
  until [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.05; done
  ip link add c$side mtu 1450 type veth peer name eth0 netns $pid
  ip link set c$side up
  nsenter --target $pid --net ip link set eth0 address 02:42:0a:00:00:0$side mtu 1450 up
  nsenter --target $pid --net ip addr add 10.0.0.$side/24 dev eth0
done
for side in 1 2; do
  other=$((3 - side))
  cat > $folder/$side.yaml <<YAML
ports:
  c: { kind: packet, segment: web, interface: c$side }
  u0: { kind: udp }
underlays:
  fabric: { port: u0, addresses: [192.0.2.$side/24] }
segments:
  web:
    overlay: { vni: 42, underlay: fabric, peers: [192.0.2.$other] }
    fdb: [{ mac: '02:42:0a:00:00:0$other', dst: 192.0.2.$other }]
    neighbours: [{ ip: 10.0.0.$other, mac: '02:42:0a:00:00:0$other' }]
YAML
  "$node" "$sluice" run -c $folder/$side.yaml --socket $folder/$side.sock > $folder/$side.log 2>&1 &
  children="$children $!"
done
for side in 1 2; do
  tries=0
  until grep -q . $folder/$side.log; do
    sleep 0.1
    tries=$((tries + 1))
    [ $tries -lt 300 ] || { echo "switch $side did not start"; exit 1; }
  done
done
ping="ping -c 3 -i 0.2 -W 5 -M do"
nsenter --target $c1 --net $ping -s 56 10.0.0.2
nsenter --target $c2 --net $ping -s 1422 10.0.0.1
nsenter --target $c2 --net iperf3 -s -1 -D
sleep 0.5
nsenter --target $c1 --net iperf3 -c 10.0.0.2 -n 5M
"$node" "$sluice" stats --socket $folder/1.sock --json
echo done
