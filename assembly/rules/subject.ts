/**
 * What rules are asked about, and what they say: the packet at hand as rules see it. There is
 * one for a core, refilled for each packet; its fields are in `SubjectField` (rules-abi.ts).
 *
 * `forget` comes first, then the inputs are written, then any number of hooks is asked; what
 * one hook changes (marks, TTL) the next one sees, and the trail grows over all of them.
 */
import { MOST_TRAIL, SUBJECT_BYTES, State, SubjectField, UNCHANGED } from '../rules-abi';

/** States of a packet that belongs to no flow: questions about its flow do not apply. */
const NO_FLOW: u32 = State.Invalid | State.Untracked;

@unmanaged
export class Subject {
  zone: u32;
  /** Family. */
  family: u32;
  protocol: u32;
  /** 1: not the first fragment; it has no ports. */
  isFragment: u32;
  sourceHead: u64;
  sourceTail: u64;
  destinationHead: u64;
  destinationTail: u64;
  /** Destination of the first packet of the flow, before translation. */
  originalHead: u64;
  originalTail: u64;
  /** 0 where there are none. */
  sourcePort: u32;
  destinationPort: u32;
  originalPort: u32;
  icmpType: u32;
  icmpCode: u32;
  /** Router interface + 1; 0: none, as at hooks that do not know it. */
  inInterface: u32;
  outInterface: u32;
  /** State bits. */
  state: u32;
  /** 0 original, 1 reply. */
  direction: u32;
  /** Inputs, and changed by targets. */
  mark: u32;
  connMark: u32;
  /** AddressTypeBit; of `…In` and `…Out` an address is local only if it is on that interface. */
  sourceTypes: u32;
  destinationTypes: u32;
  sourceTypesIn: u32;
  destinationTypesIn: u32;
  sourceTypesOut: u32;
  destinationTypesOut: u32;
  nowMs: u32;
  /** Address of the IP header, and bytes of the IP packet. */
  network: u32;
  bytes: u32;
  /** Where layer 4 is, from `network`, and how much of it is there. */
  l4: u32;
  l4Bytes: u32;
  /** Address of the Ethernet header; 0: none. */
  frame: u32;
  /** Core and Packet to write the trace with; no packet: not traced. */
  core: u32;
  packet: u32;

  // What rules said.
  verdict: u32;
  /** 1: the next packet of this flow may fare otherwise, and must be asked about again. */
  isVolatile: u32;
  /** 1: the outcome holds for the packets of the flow without SYN; ask again for others. */
  dependsOnSyn: u32;
  /** With Verdict.Reject: RejectWith. */
  rejectWith: u32;
  /** With Verdict.Nat: NatKind and NatFlag, and the ranges that the flags speak of. */
  natKind: u32;
  natFlags: u32;
  natPortFirst: u32;
  natFirstHead: u64;
  natFirstTail: u64;
  natLastHead: u64;
  natLastTail: u64;
  natPortLast: u32;
  natPortBase: u32;
  /** 0: none, MSS_OF_PATH, or bytes: for TCP packets with SYN. */
  tcpMss: u32;
  /** 1: no flow is to be made for the packet. */
  noTrack: u32;
  /** What is to be written into the IP header; UNCHANGED. */
  ttl: u32;
  tos: u32;
  /** 1: a checksum that offload left open is to be finished. */
  fillsChecksum: u32;
  /** LOG and NFLOG rules met; the trail says which. */
  logs: u32;
  /** 1: met a TRACE rule. */
  isMarkedForTrace: u32;
  /** Counters of the rules and policies met, and how many did not fit and are counted. */
  trailLength: u32;
  trailOverflow: u32;
  /** 1: the packet is routed, and what its header says is one hop old. */
  hops: u32;

  static at(ptr: usize): Subject {
    return changetype<Subject>(ptr);
  }

  /** Forgets all inputs, and what was said of the packet before. */
  forget(): void {
    memory.fill(changetype<usize>(this), 0, offsetof<Subject>());
    this.ttl = UNCHANGED;
    this.tos = UNCHANGED;
  }

  /** The packet is routed: rules behind see it one hop older (RFC 1812 §5.3.1). */
  passHop(): void {
    this.hops = 1;
    if (this.ttl != UNCHANGED) this.ttl--;
  }

  /** Address of the counter number `index` of the trail. */
  trailAt(index: u32): usize {
    return changetype<usize>(this) + SubjectField.Trail + ((<usize>index) << 2);
  }

  /** Address of the first counter number of the trail. */
  get trail(): usize {
    return changetype<usize>(this) + SubjectField.Trail;
  }

  get hasFlow(): bool {
    return (this.state & NO_FLOW) == 0;
  }

  /** Remembers a counter. False when the trail is full. */
  meet(counter: u32): bool {
    if (this.trailLength == MOST_TRAIL) {
      this.trailOverflow++;
      this.isVolatile = 1;
      return false;
    }
    store<u32>(this.trailAt(this.trailLength), counter);
    this.trailLength++;
    return true;
  }
}

if (offsetof<Subject>() != SubjectField.Trail) ERROR('the trail must begin behind the fields');
if (SubjectField.Trail + MOST_TRAIL * 4 > SUBJECT_BYTES) ERROR('the trail must fit');
if (offsetof<Subject>('originalTail') != SubjectField.OriginalDestination + 8) ERROR('layout');
if (offsetof<Subject>('packet') != SubjectField.Packet) ERROR('layout');
if (offsetof<Subject>('natFirstHead') != SubjectField.NatFirst) ERROR('layout');
if (offsetof<Subject>('tos') != SubjectField.Tos) ERROR('layout');
