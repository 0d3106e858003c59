/** Underlays and overlays as option values of the core, in the order in which to set them. */
import {
  Bum,
  Encap,
  InnerVlan,
  OuterChecksum,
  OuterDf,
  OverlayOption,
  UnderlayOption,
} from '../../assembly/overlay-abi.js';
import { parseIp } from '../frame/address.js';
import { macBytes } from '../frame/mac.js';
import type { OverlayConfig } from './config.js';
import { isIpv4Text } from './ip.js';
import type { PlannedOverlay, PlannedUnderlay } from './plan-overlay.js';

/** For `OverlayOption.Tos`: that of the inner packet. */
const TOS_INHERIT = 0x100;
const IPV6_WORDS = 4;
const WORD_BYTES = 4;
const NO_IPV6 = new Uint8Array(IPV6_WORDS * WORD_BYTES);

const ENCAPS: Record<OverlayConfig['encapsulation'], Encap> = {
  vxlan: Encap.Vxlan,
  geneve: Encap.Geneve,
};
const BUMS: Record<OverlayConfig['bum'], Bum> = {
  drop: Bum.Drop,
  replicate: Bum.Replicate,
  multicast: Bum.Multicast,
};
const DFS: Record<OverlayConfig['df'], OuterDf> = {
  unset: OuterDf.Unset,
  set: OuterDf.Set,
  inherit: OuterDf.Inherit,
};
const CHECKSUMS: Record<OverlayConfig['udpChecksum'], OuterChecksum> = {
  auto: OuterChecksum.Auto,
  always: OuterChecksum.Always,
  never: OuterChecksum.Never,
};
const INNER_VLANS: Record<OverlayConfig['innerVlan'], InnerVlan> = {
  pass: InnerVlan.Pass,
  strip: InnerVlan.Strip,
  drop: InnerVlan.Drop,
};

export type UnderlayOptions = Map<UnderlayOption, number>;
export type OverlayOptions = Map<OverlayOption, number>;

/** `mac` is none where frames have no addresses that matter. */
export function underlayOptions(
  { config, port, resolvesNextHops }: PlannedUnderlay,
  mac: bigint | undefined,
): UnderlayOptions {
  const { addresses, gateways, mtuBytes } = config;
  const ipv4 = addresses.find(({ ip }) => isIpv4Text(ip));
  const ipv6 = addresses.find(({ ip }) => !isIpv4Text(ip));
  const options: UnderlayOptions = new Map();
  options.set(UnderlayOption.Port, port + 1);
  if (mac !== undefined) {
    const bytes = new DataView(macBytes(mac).buffer);
    options.set(UnderlayOption.MacLow, bytes.getUint32(0, true));
    options.set(UnderlayOption.MacHigh, bytes.getUint16(WORD_BYTES, true));
  }
  options.set(UnderlayOption.ResolvesNextHops, Number(resolvesNextHops));
  options.set(UnderlayOption.MtuBytes, mtuBytes);
  options.set(UnderlayOption.Ipv4, ipv4Number(ipv4?.ip));
  options.set(UnderlayOption.Ipv4PrefixBits, ipv4?.prefixBits ?? 0);
  options.set(UnderlayOption.Ipv4Gateway, ipv4Number(gateways.find(isIpv4Text)));
  setIpv6(options, UnderlayOption.Ipv6A, ipv6?.ip);
  options.set(UnderlayOption.Ipv6PrefixBits, ipv6?.prefixBits ?? 0);
  setIpv6(
    options,
    UnderlayOption.Ipv6GatewayA,
    gateways.find(ip => !isIpv4Text(ip)),
  );
  return options;
}

/** In host order; 0: none. */
function ipv4Number(ip: string | undefined): number {
  return ip === undefined ? 0 : new DataView(parseIp(ip)!.buffer).getUint32(0);
}

function setIpv6(options: UnderlayOptions, first: UnderlayOption, ip: string | undefined): void {
  const bytes = ip === undefined ? NO_IPV6 : parseIp(ip)!;
  const view = new DataView(bytes.buffer);
  for (let word = 0; word < IPV6_WORDS; word++) {
    options.set(first + word, view.getUint32(word * WORD_BYTES, true));
  }
}

/** All but the multicast group, which is the number of a VTEP. */
export function overlayOptions(overlay: PlannedOverlay): OverlayOptions {
  const { config, peers, peerStart, tunnelPort, underlay } = overlay;
  const { ttl, tos } = config;
  return new Map([
    [OverlayOption.UdpPort, config.udpPort],
    [OverlayOption.Encap, ENCAPS[config.encapsulation]],
    [OverlayOption.Vni, config.vni],
    [OverlayOption.Bum, BUMS[config.bum]],
    [OverlayOption.UnknownVteps, Number(config.learning)],
    [OverlayOption.Ttl, ttl === 'inherit' ? 0 : ttl],
    [OverlayOption.Tos, tos === 'inherit' ? TOS_INHERIT : tos],
    [OverlayOption.Df, DFS[config.df]],
    [OverlayOption.Checksum, CHECKSUMS[config.udpChecksum]],
    [OverlayOption.StrictFlags, Number(config.strictFlags)],
    [OverlayOption.InnerVlan, INNER_VLANS[config.innerVlan]],
    [OverlayOption.Symmetric, Number(config.symmetricPorts)],
    [OverlayOption.MssClamp, Number(config.mssClamp)],
    [OverlayOption.MtuBytes, config.mtuBytes],
    [OverlayOption.PeerStart, peerStart],
    [OverlayOption.PeerCount, peers.length],
    [OverlayOption.TunnelPort, tunnelPort + 1],
    [OverlayOption.Underlay, underlay + 1],
  ]);
}
