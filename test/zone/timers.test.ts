/**
 * Timers of flows (features CT-2 to CT-7, RFC 4787, 5382, 5508), to the millisecond, by
 * packets: one before its time the answer still reaches the host, at its time it does not.
 * Time jumps, or passes in small steps with traffic of others, so that entries are found dead
 * by a packet, or swept.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FlowProfile, FlowTimer, ZoneCounter } from '../../assembly/zone-abi.js';
import { slowChecksum } from '../support/checksum.js';
import { ETHERNET, type Frame } from '../support/frame.js';
import { IN, NatRig, OUT, inward, outward } from '../support/nat-rig.js';
import { SctpPair } from '../support/sctp-pair.js';
import { TcpPair } from '../support/tcp-pair.js';

const GRE = 47;
const OTHER = 253;
/** A stream is what has answers, and has lasted for longer. */
const STREAM_MS = 2000;

interface Case {
  /** Seconds of the Linux and the strict profile. */
  sec: [linux: number, strict: number];
  /** Brings a flow into the state. */
  begin: (rig: NatRig) => void;
  /** A packet of the outside for it. */
  answer: (rig: NatRig) => Frame | Uint8Array;
}

const tcp = (sec: Case['sec'], begin: (pair: TcpPair) => TcpPair): Case => ({
  sec,
  begin: rig => void begin(TcpPair.of(rig)),
  answer: () => inward(2).tcp(80, 40000, { sequence: 900001, acknowledged: 1001 }),
});
const open = (pair: TcpPair): TcpPair => pair.client('S').server('SA').client('A');

/** SCTP: any chunk that its tag lets pass; no INIT, which might begin something. */
const sctp = (sec: Case['sec'], begin: (pair: SctpPair) => SctpPair): Case => {
  let pair: SctpPair;
  return {
    sec,
    begin: rig => void (pair = begin(SctpPair.of(rig))),
    answer: () => pair.frame('server', 'heartbeat'),
  };
};
const associated = (pair: SctpPair): SctpPair => SctpPair.open(pair);

/** A flow of what has no states, with an answer too late to make a stream, or a stream. */
const datagrams = (
  sec: Case['sec'],
  out: () => Frame | Uint8Array,
  answer: () => Frame | Uint8Array,
  { isStream = false, isAnswered = false } = {},
): Case => ({
  sec,
  begin: rig => {
    rig.pass(IN, out());
    if (isAnswered || isStream) rig.pass(OUT, answer());
    if (isStream) rig.wait(STREAM_MS + 1).pass(IN, out());
  },
  answer,
});

/** The frame as one of another IP protocol; its layer 4 begins with ports. */
function as(protocol: number, frame: Frame): Uint8Array {
  const bytes = Buffer.from(frame.bytes());
  bytes[ETHERNET + 9] = protocol;
  bytes.writeUInt16BE(0, ETHERNET + 10);
  bytes.writeUInt16BE(slowChecksum(bytes.subarray(ETHERNET, ETHERNET + 20)), ETHERNET + 10);
  return bytes;
}

const udpOut = (): Frame => outward(2, 2).udp(40000, 7777);
const udpBack = (): Frame => inward(2).udp(7777, 40000);
const ping = (): Frame => outward(2, 2).icmp(8, 0, 0x12340001);
const pong = (): Frame => inward(2).icmp(0, 0, 0x12340001);
const out = (protocol: number) => () => as(protocol, outward(2, 2).udp(40000, 7777).payload(20));
const back = (protocol: number) => () => as(protocol, inward(2).udp(7777, 40000).payload(20));

const CASES: Record<string, Case> = {
  TcpSynSent: tcp([120, 240], pair => pair.client('S')),
  TcpSynSent2: tcp([120, 240], pair => pair.client('S').server('S')),
  TcpSynRecv: tcp([60, 240], pair => pair.client('S').server('SA')),
  TcpEstablished: tcp([432000, 7440], open),
  TcpFinWait: tcp([120, 240], pair => open(pair).client('FA')),
  TcpCloseWait: tcp([60, 240], pair => open(pair).client('FA').server('A')),
  TcpLastAck: tcp([30, 240], pair => open(pair).client('FA').server('A').server('FA')),
  TcpTimeWait: tcp([120, 240], pair =>
    open(pair).client('FA').server('A').server('FA').client('A'),
  ),
  TcpClose: tcp([10, 240], pair => open(pair).server('R')),
  TcpUnacknowledged: tcp([300, 7440], pair => pair.client('A', 'middle')),
  Udp: datagrams([30, 300], udpOut, udpBack),
  'Udp, answered': datagrams([30, 300], udpOut, udpBack, { isAnswered: true }),
  UdpStream: datagrams([120, 300], udpOut, udpBack, { isStream: true }),
  Icmp: datagrams([30, 60], ping, pong),
  'Icmp, answered for long': datagrams([30, 60], ping, pong, { isStream: true }),
  Gre: datagrams([30, 60], out(GRE), back(GRE)),
  GreStream: datagrams([180, 600], out(GRE), back(GRE), { isStream: true }),
  SctpClosed: sctp([10, 240], pair => pair.client('init')),
  SctpCookieWait: sctp([3, 240], pair => pair.client('init').server('initAck')),
  SctpCookieEchoed: sctp([3, 240], pair =>
    pair.client('init').server('initAck').client('cookieEcho'),
  ),
  SctpEstablished: sctp([210, 7440], associated),
  SctpShutdownSent: sctp([3, 240], pair => associated(pair).client('shutdown')),
  SctpShutdownReceived: sctp([3, 240], pair => associated(pair).server('shutdown')),
  SctpShutdownAckSent: sctp([3, 240], pair =>
    associated(pair).client('shutdown').server('shutdownAck'),
  ),
  'SctpClosed, shut down': sctp([10, 240], pair =>
    associated(pair).client('shutdown').server('shutdownAck').client('shutdownComplete'),
  ),
  SctpHeartbeatSent: sctp([30, 240], pair => pair.client('heartbeat')),
  Generic: datagrams([600, 600], out(OTHER), back(OTHER)),
};

/** Whether an IPv4 packet leaves by the inside. */
function reaches(rig: NatRig, frame: Frame | Uint8Array): boolean {
  const { sent } = rig.send(OUT, frame);
  return sent.some(({ port, bytes }) => port === IN && bytes[12] === 8 && bytes[13] === 0);
}

/** Time jumps; or passes with packets that sweep, the last of them at the time itself. */
const DRIVERS: Record<string, (rig: NatRig, ms: number) => void> = {
  'a jump': (rig, ms) => void (rig.zone.bridge.nowMs += ms),
  steps: (rig, ms) => {
    for (let i = 0; i < 3; i++) rig.wait(Math.floor(ms / 4));
    rig.wait(ms - 3 * Math.floor(ms / 4));
  },
};

for (const profile of [FlowProfile.Linux, FlowProfile.Strict]) {
  for (const [name, { sec, begin, answer }] of Object.entries(CASES)) {
    const lifeMs = sec[profile]! * 1000;
    test(`timers: ${FlowProfile[profile]}: ${name}: ${lifeMs} ms`, () => {
      for (const [driver, pass] of Object.entries(DRIVERS)) {
        const alive = NatRig.create({ profile });
        begin(alive);
        assert.is(alive.flow().leftMs, lifeMs);
        pass(alive, lifeMs - 1);
        if (driver === 'steps') assert.is(alive.flow().leftMs, 1);
        assert.ok(reaches(alive, answer(alive)), `${driver}: alive`);
        const dead = NatRig.create({ profile });
        begin(dead);
        pass(dead, lifeMs);
        assert.not.ok(reaches(dead, answer(dead)), `${driver}: dead`);
        assert.equal(dead.flows(), [], driver);
        dead.wait(10000);
        assert.is(dead.counter(ZoneCounter.Expired), 1, driver);
        assert.is(dead.counter(ZoneCounter.Flows), 0, driver);
      }
    });
  }
}

test('timers: a UDP flow is a stream when it has lasted longer than 2000 ms', () => {
  const rig = NatRig.create();
  rig.pass(IN, udpOut());
  rig.pass(OUT, udpBack());
  rig.wait(STREAM_MS).pass(IN, udpOut());
  assert.is(rig.flow().leftMs, 30000);
  rig.wait(1).pass(IN, udpOut());
  assert.is(rig.flow().leftMs, 120000);
});

test('timers: a timer that is set holds from then on, for flows there are too', () => {
  const rig = NatRig.create();
  rig.pass(IN, udpOut());
  rig.zone.core.zones.setTimer(FlowProfile.Linux, FlowTimer.Udp, 5000);
  assert.is(rig.flow().leftMs, 5000);
  rig.wait(5000);
  assert.equal(rig.flows(), []);
});

test.run();
