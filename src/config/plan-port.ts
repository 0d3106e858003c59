/** A port's configuration as `PortOption` values and VLAN memberships. */
import { PortOption, PriorityTags } from '../../assembly/abi.js';
import type { PortConfig, Tag, VidRange, VlanConfig } from './config.js';
import { withoutVid } from './vids.js';

export interface PortVlans {
  tagged: readonly VidRange[];
  untagged: readonly VidRange[];
}

/** What a port of kind udp listens to, and sends from. */
export interface UdpEndpoint {
  /** Our own, without prefix length: at most one of each family. */
  addresses: readonly string[];
  /** UDP ports of the overlays, each once. */
  udpPorts: readonly number[];
  /** Multicast groups to receive, each with an address of its family; default: none. */
  groups?: readonly string[];
}

const TPID_SHIFT = 0x10000;

const PRIORITY_TAGS: Record<VlanConfig['priorityTags'], PriorityTags> = {
  never: PriorityTags.Never,
  nonZero: PriorityTags.NonZero,
  always: PriorityTags.Always,
};

/** `place` is the index of the port's segment + 1, or 0. */
export function portOptions(port: PortConfig, place: number): number[] {
  const options: number[] = [];
  options[PortOption.Up] = Number(port.up);
  options[PortOption.Segment] = place;
  options[PortOption.Learning] = Number(port.learning);
  options[PortOption.Flood] = Number(port.flood);
  options[PortOption.MulticastFlood] = Number(port.multicastFlood);
  options[PortOption.BroadcastFlood] = Number(port.broadcastFlood);
  options[PortOption.Hairpin] = Number(port.hairpin);
  options[PortOption.Isolated] = Number(port.isolated);
  options[PortOption.Locked] = Number(port.locked);
  options[PortOption.NeighbourSuppress] = Number(port.neighbourSuppress);
  options[PortOption.Group] = port.group;
  options[PortOption.MtuBytes] = port.mtuBytes;
  options[PortOption.Offload] = Number(port.offload);
  setVlanOptions(options, port.vlan);
  options[PortOption.StormBroadcastPerSec] = port.storm.broadcastPerSec;
  options[PortOption.StormMulticastPerSec] = port.storm.multicastPerSec;
  options[PortOption.StormUnicastPerSec] = port.storm.unicastPerSec;
  setTagOptions(options, port);
  return options;
}

function setVlanOptions(options: number[], vlan: VlanConfig | undefined): void {
  const pvid = vlan?.mode === 'trunk' ? vlan.native : vlan?.vid;
  options[PortOption.Pvid] = pvid ?? 0;
  options[PortOption.AcceptTagged] = Number(vlan === undefined || vlan.mode === 'trunk');
  options[PortOption.PriorityTags] = PRIORITY_TAGS[vlan?.priorityTags ?? 'never'];
  options[PortOption.TagsArePayload] = Number(vlan?.mode === 'tunnel');
}

function setTagOptions(options: number[], { tags }: PortConfig): void {
  options[PortOption.MatchTags] = tags?.match.length ?? 0;
  options[PortOption.MatchOuter] = tagNumber(tags?.match[0]);
  options[PortOption.MatchInner] = tagNumber(tags?.match[1]);
  options[PortOption.PopTags] = tags?.pop ?? 0;
  options[PortOption.PushTags] = tags?.push.length ?? 0;
  options[PortOption.PushOuter] = tagNumber(tags?.push[0]);
  options[PortOption.PushInner] = tagNumber(tags?.push[1]);
}

function tagNumber(tag: Tag | undefined): number {
  return tag === undefined ? 0 : tag.tpid * TPID_SHIFT + tag.vid;
}

/** Open vSwitch's port modes; the native VLAN is always a member. */
export function portVlans({ vlan }: PortConfig): PortVlans {
  if (vlan === undefined) return { tagged: [], untagged: [] };
  if (vlan.mode !== 'trunk') return { tagged: [], untagged: [[vlan.vid, vlan.vid]] };
  if (vlan.native === 0 || vlan.nativeTagged) return { tagged: vlan.allowed, untagged: [] };
  return {
    tagged: withoutVid(vlan.allowed, vlan.native),
    untagged: [[vlan.native, vlan.native]],
  };
}
