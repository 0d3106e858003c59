/** Overlays of segments: defaults, and what must fit together about them. */
import { UNDERLAY_UDP_PORTS } from '../../assembly/overlay-abi.js';
import { parseIp } from '../frame/address.js';
import type { OverlayConfig, SegmentConfig, UnderlayConfig } from './config.js';
import type { Problem } from './config-error.js';
import { canonicalIp, isGroupIp, isIpv4Text } from './ip.js';
import type { RawOverlay, RawSegment } from './raw.js';
import { show } from './schema.js';
import { familyFault, remoteIp } from './underlays.js';
import { unknownName } from './unknown-name.js';

/** IANA's service name and transport protocol port number registry. */
const UDP_PORTS: Record<OverlayConfig['encapsulation'], number> = { vxlan: 4789, geneve: 6081 };

/** RFC 791: the shortest MTU there is. */
const LEAST_MTU_BYTES = 68;
/** Outer IP and UDP header, tunnel header, inner Ethernet header. */
const IPV4_OVERHEAD_BYTES = 50;
const IPV6_OVERHEAD_BYTES = 70;
const VNI_DIGITS = 6;
const TUNNEL_PREFIX: Record<OverlayConfig['encapsulation'], string> = {
  vxlan: 'vx',
  geneve: 'gnv',
};

export type Underlays = ReadonlyMap<string, UnderlayConfig>;

/** Adds what is wrong to `problems`; the result only counts if nothing was added. */
export function normaliseOverlay(
  name: string,
  segment: RawSegment,
  underlays: Underlays,
  problems: Problem[],
): OverlayConfig | undefined {
  const { overlay, vlanAware } = segment;
  if (overlay === undefined) return undefined;
  const path = `segments.${name}.overlay`;
  if (vlanAware) {
    problems.push({ path, problem: 'expected none, as the segment is VLAN aware, got an overlay' });
  }
  const { encapsulation, udpPort = UDP_PORTS[encapsulation] } = overlay;
  const underlay = underlays.get(overlay.underlay);
  if (underlay === undefined) {
    problems.push(unknownName(`${path}.underlay`, overlay.underlay, [...underlays.keys()]));
    return { ...overlay, udpPort, mtuBytes: 0 };
  }
  const peers = normalisePeers(path, overlay, underlay, problems);
  const group = normaliseGroup(path, overlay, underlay, problems);
  const remotes = [...peers, ...segment.fdb.flatMap(({ dst }) => dst ?? [])];
  if (group !== undefined) remotes.push(group);
  const mtuBytes = normaliseMtu(path, overlay, mostInnerBytes(underlay, remotes), problems);
  const { group: _group, ...rest } = overlay;
  return { ...rest, udpPort, peers, mtuBytes, ...(group !== undefined && { group }) };
}

function normalisePeers(
  path: string,
  overlay: RawOverlay,
  underlay: UnderlayConfig,
  problems: Problem[],
): string[] {
  const seen = new Set<string>();
  return overlay.peers.map((text, index) => {
    const place = `${path}.peers[${index}]`;
    const ip = remoteIp(place, text, underlay, problems);
    if (seen.has(ip)) problems.push({ path: place, problem: `expected each peer once, got ${ip}` });
    seen.add(ip);
    return ip;
  });
}

function normaliseGroup(
  path: string,
  { group, bum }: RawOverlay,
  underlay: UnderlayConfig,
  problems: Problem[],
): string | undefined {
  const place = `${path}.group`;
  if (bum === 'multicast' && group === undefined) {
    problems.push({ path: place, problem: 'expected a multicast IP address, got nothing' });
  }
  if (group === undefined) return undefined;
  if (bum !== 'multicast') {
    const problem = `expected only with bum multicast, got it with bum ${bum}`;
    problems.push({ path: place, problem });
  }
  const bytes = parseIp(group);
  const ip = canonicalIp(group);
  const problem =
    bytes === undefined || !isGroupIp(bytes)
      ? `expected a multicast IP address, got ${show(group)}`
      : familyFault(ip, underlay);
  if (problem !== undefined) problems.push({ path: place, problem });
  return ip;
}

/** What the underlay leaves to inner packets, over the families that are used. */
function mostInnerBytes(underlay: UnderlayConfig, remotes: readonly string[]): number {
  const used = remotes.length > 0 ? remotes : underlay.addresses.map(({ ip }) => ip);
  const isIpv4Only = used.every(isIpv4Text);
  return underlay.mtuBytes - (isIpv4Only ? IPV4_OVERHEAD_BYTES : IPV6_OVERHEAD_BYTES);
}

function normaliseMtu(
  path: string,
  { mtuBytes, underlay }: RawOverlay,
  most: number,
  problems: Problem[],
): number {
  if (most < LEAST_MTU_BYTES) {
    const problem = `expected one that leaves ${LEAST_MTU_BYTES} bytes to inner packets`;
    const got = `got underlay ${underlay}, which leaves ${most}`;
    problems.push({ path: `${path}.underlay`, problem: `${problem}, ${got}` });
  } else if (mtuBytes !== undefined && mtuBytes > most) {
    const problem = `expected at most ${most}, what underlay ${underlay} leaves, got ${mtuBytes}`;
    problems.push({ path: `${path}.mtuBytes`, problem });
  }
  return mtuBytes ?? most;
}

/** What overlays must agree about: one network an identifier, one encapsulation a UDP port. */
export function checkOverlays(segments: readonly SegmentConfig[], problems: Problem[]): void {
  const networks = new Map<string, string>();
  const sockets = new Map<string, SocketUse>();
  for (const { name, overlay } of segments) {
    if (overlay === undefined) continue;
    const { vni, underlay, udpPort } = overlay;
    const network = `${underlay} ${udpPort} ${vni}`;
    const other = networks.get(network);
    if (other !== undefined) {
      const problem = `expected one of its own in underlay ${underlay} at UDP port ${udpPort}`;
      const path = `segments.${name}.overlay.vni`;
      problems.push({ path, problem: `${problem}, got ${vni} of segments.${other}` });
    }
    networks.set(network, name);
    checkSocket(name, overlay, sockets, problems);
  }
}

/** Who speaks first at a UDP port of an underlay, and what. */
interface SocketUse {
  segment: string;
  underlay: string;
  encapsulation: string;
}

function checkSocket(
  segment: string,
  { underlay, udpPort, encapsulation }: OverlayConfig,
  sockets: Map<string, SocketUse>,
  problems: Problem[],
): void {
  const path = `segments.${segment}.overlay.udpPort`;
  const first = sockets.get(`${underlay} ${udpPort}`);
  if (first === undefined) {
    sockets.set(`${underlay} ${udpPort}`, { segment, underlay, encapsulation });
    const used = [...sockets.values()].filter(other => other.underlay === underlay).length;
    if (used !== UNDERLAY_UDP_PORTS + 1) return;
    const problem = `expected at most ${UNDERLAY_UDP_PORTS} UDP ports in underlay ${underlay}, got more`;
    problems.push({ path, problem });
  } else if (first.encapsulation !== encapsulation) {
    const problem = `expected a UDP port that carries ${encapsulation}, got ${udpPort}`;
    const owner = `which carries ${first.encapsulation} of segments.${first.segment}`;
    problems.push({ path, problem: `${problem}, ${owner}` });
  }
}

/**
 * Names of tunnel ports by segment: `vx-001001` for VNI 0x1001, `gnv-001001` for Geneve.
 * Where several overlays have one VNI, the segment's name follows.
 */
export function tunnelPortNames(segments: readonly SegmentConfig[]): Map<string, string> {
  const plain = new Map<string, string>();
  const uses = new Map<string, number>();
  for (const { name, overlay } of segments) {
    if (overlay === undefined) continue;
    const digits = overlay.vni.toString(16).padStart(VNI_DIGITS, '0');
    const port = `${TUNNEL_PREFIX[overlay.encapsulation]}-${digits}`;
    plain.set(name, port);
    uses.set(port, (uses.get(port) ?? 0) + 1);
  }
  const isShared = (port: string): boolean => uses.get(port)! > 1;
  return new Map(
    [...plain].map(([name, port]) => [name, isShared(port) ? `${port}-${name}` : port]),
  );
}

/** A configured port cannot have the name of a tunnel port. */
export function checkTunnelNames(
  segments: readonly SegmentConfig[],
  ports: readonly { name: string }[],
  problems: Problem[],
): void {
  const owners = new Map(Array.from(tunnelPortNames(segments), ([name, port]) => [port, name]));
  for (const { name } of ports) {
    const owner = owners.get(name);
    if (owner === undefined) continue;
    const problem = `expected another name than that of the tunnel port of segments.${owner}`;
    problems.push({ path: `ports.${name}`, problem: `${problem}, got ${name}` });
  }
}
