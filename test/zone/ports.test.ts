/** Source ports of a large range that is all but in use (RFC 4787 §4.2, REQ-4). */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { eth } from '../support/frame.js';
import { HOST, INSIDE, SERVER_IP, ZoneRig, saveText } from '../support/zone-rig.js';

const FIRST = 40000;
const LAST = 41023;
const rule = `-A POSTROUTING -p udp -o out -j SNAT --to-source 203.0.113.1:${FIRST}-${LAST}`;

/** The source port that a flow leaves with; undefined: there is none. */
function portOf(rig: ZoneRig, sourcePort: number, port = 7777): number | undefined {
  const frame = eth(HOST, INSIDE.mac).ipv4('10.0.1.2', SERVER_IP).udp(sourcePort, port);
  const { sent, dropped } = rig.send(1, frame);
  if (sent.length === 1) return Buffer.from(sent[0]!.bytes).readUInt16BE(34);
  assert.is(dropped[0]!.reason, 'PortsExhausted');
  return undefined;
}

test('nat: every port of the sender’s parity is found, to the last one', () => {
  const rig = ZoneRig.settled({ rules: saveText('nat', [rule]) });
  const half = (LAST - FIRST + 1) / 2;
  const even = Array.from({ length: half }, (_, i) => portOf(rig, 2000 + 2 * i));
  assert.ok(even.every(port => port !== undefined && port % 2 === 0 && port >= FIRST));
  assert.is(new Set(even).size, half);
  assert.is(portOf(rig, 20000), undefined);
  assert.is(portOf(rig, 20001)! % 2, 1);
  assert.is(portOf(rig, 20002, 7778)! % 2, 0, 'free towards another port');
});

test('nat: a port is free again when its flow has ended', () => {
  const rig = ZoneRig.settled({ rules: saveText('nat', [rule]) });
  const half = (LAST - FIRST + 1) / 2;
  for (let i = 0; i < half; i++) portOf(rig, 2000 + 2 * i);
  const flow = [...rig.core.zones.flows()].find(one => one.original.sourcePort === 2100)!;
  rig.core.zones.removeFlow(flow);
  assert.is(portOf(rig, 20000), flow.reply.destinationPort);
  assert.is(portOf(rig, 20002), undefined);
});

test.run();
