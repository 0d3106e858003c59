/**
 * NAT lanes: a container behind a router that masquerades it, and publishes its port 80 as
 * 8080, and a host outside: the router is a zone of sluice between two TAPs, or the kernel
 * with a bridge, veths and the same iptables rules.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { LiveSwitch } from '../../test/support/live-switch.js';
import { Missing } from '../support/workload.js';
import { Lane, SERVER_ADDRESS } from './lanes.js';

export const CONTAINER = '10.76.0.1';
export const BRIDGE = '10.76.0.254';
/** The router outside. */
export const ROUTER_ADDRESS = '10.77.0.254';
export const PUBLISHED_PORT = 8080;

/** What an engine writes, for either. */
const RULES = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i docker0 -o docker0 -j ACCEPT
-A DOCKER -d ${CONTAINER}/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER-USER -j RETURN
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 10.76.0.0/24 ! -o docker0 -j MASQUERADE
-A POSTROUTING -s ${CONTAINER}/32 -d ${CONTAINER}/32 -p tcp -m tcp --dport 80 -j MASQUERADE
-A DOCKER -p tcp -m tcp --dport ${PUBLISHED_PORT} -j DNAT --to-destination ${CONTAINER}:80
COMMIT
`;

/** Builds a lane; what was made of one that fails is removed. The container is the client. */
async function lane(name: string, build: (lane: Lane) => Promise<void> | void): Promise<Lane> {
  const made = new Lane(name);
  try {
    await build(made);
    made.hosts.address(made.client, 'eth0', `${CONTAINER}/24`);
    made.hosts.address(made.server, 'eth0', `${SERVER_ADDRESS}/24`);
    ip('-n', made.client, 'route', 'add', 'default', 'via', BRIDGE);
    return made;
  } catch (error) {
    await made.close();
    throw error;
  }
}

export interface NatOptions {
  /** Names the namespaces. */
  name?: string;
  /** Of the router's interface outside. */
  mtuBytes?: number;
  /** False: devices leave nothing to the wire, so that captures can be checked. */
  offload?: boolean;
  /** The zone's key `nat`, as YAML. */
  nat?: string;
  /** The zone's key `services`, as YAML. */
  services?: string;
  /** Text of iptables-save; default: the container is masqueraded and published. */
  rules?: string;
}

export type NatLane = Lane & { live: LiveSwitch };

export async function sluiceNat({
  name = 'nat',
  mtuBytes = 1500,
  offload = true,
  nat = '{}',
  services = '{}',
  rules: text = RULES,
}: NatOptions = {}): Promise<NatLane> {
  let live: LiveSwitch | undefined;
  const made = await lane(name, async made => {
    const rules = text.split('\n').map(line => `      ${line}`);
    live = await LiveSwitch.start(`
ports:
  c: { kind: tap, segment: lan, netns: ${made.client}, device: eth0, hairpin: true, offload: ${offload} }
  o: { kind: tap, segment: up, netns: ${made.server}, device: eth0, offload: ${offload} }
segments:
  lan:
  up:
zones:
  host:
    interfaces:
      docker0: { segment: lan, addresses: [${BRIDGE}/24] }
      eth0: { segment: up, addresses: [${ROUTER_ADDRESS}/24], mtuBytes: ${mtuBytes} }
    nat: ${nat}
    services: ${services}
    iptables: |
${rules.join('\n')}
`);
    made.onClose(() => live!.stop());
  });
  return Object.assign(made, { live: live! });
}

export function kernelNat(): Promise<Lane> {
  return lane('natk', made => {
    const { middle } = made;
    ip('-n', middle, 'link', 'add', 'docker0', 'type', 'bridge');
    for (const [host, peer] of [
      [made.client, 'c'],
      [made.server, 'eth0'],
    ] as const) {
      const end = ['peer', 'name', peer, 'netns', middle];
      ip('-n', host, 'link', 'add', 'eth0', 'type', 'veth', ...end);
      ip('-n', host, 'link', 'set', 'eth0', 'up');
      ip('-n', middle, 'link', 'set', peer, 'up');
    }
    ip('-n', middle, 'link', 'set', 'c', 'master', 'docker0');
    ip('-n', middle, 'link', 'set', 'docker0', 'up');
    ip('-n', middle, 'addr', 'add', `${BRIDGE}/24`, 'dev', 'docker0');
    ip('-n', middle, 'addr', 'add', `${ROUTER_ADDRESS}/24`, 'dev', 'eth0');
    inNetns(middle, ['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
    try {
      inNetns(middle, ['iptables-restore'], RULES);
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).message.includes('No such file');
      if (isMissing) throw new Missing('iptables: apt-get install iptables');
      throw error;
    }
  });
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function inNetns(netns: string, command: readonly string[], input = ''): void {
  execFileSync('ip', ['netns', 'exec', netns, ...command], { input, stdio: 'pipe' });
}

/** An nginx in the container, one page of a hundred bytes; returns what ends it. */
export function startNginx(lane: Lane, folder: string, listen = '80'): () => void {
  const conf = `${folder}/nginx.conf`;
  writeFileSync(`${folder}/index.html`, `${'x'.repeat(99)}\n`);
  writeFileSync(
    conf,
    `user root; pid ${folder}/nginx.pid; error_log ${folder}/error.log; worker_processes 1; daemon on;
events { worker_connections 1024; }
http { log_format ip '$remote_addr'; access_log ${folder}/access.log ip; server { listen ${listen}; root ${folder}; } }
`,
  );
  inNetns(lane.client, ['nginx', '-c', conf, '-p', folder]);
  return () => inNetns(lane.client, ['nginx', '-c', conf, '-p', folder, '-s', 'quit']);
}
