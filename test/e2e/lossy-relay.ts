/**
 * Carries datagrams between two tunnel ends and is bad at it: of a hundred it loses one,
 * sends one twice, and sends one behind the next three.
 *
 *   node lossy-relay.js SEED OWN-A PEER-A OWN-B PEER-B
 *
 * Says `ready`; when its input ends, a line of JSON about what it did.
 */
import { type Socket, createSocket } from 'node:dgram';
import { once } from 'node:events';
import { argv, stdin, stdout } from 'node:process';
import { randomOf } from '../support/random.js';

const PORT = 4789;
const ONE_OF = 100;
const BEHIND = 3;
/** When no more come, what is held goes. */
const HELD_MS = 5;
const BUFFER_BYTES = 4 << 20;

const done = { carried: 0, lost: 0, doubled: 0, delayed: 0 };
const [seed, ownA, peerA, ownB, peerB] = argv.slice(2) as [string, string, string, string, string];
const random = randomOf(Number(seed));

async function open(address: string): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: BUFFER_BYTES });
  socket.bind(PORT, address);
  await once(socket, 'listening');
  return socket;
}

function carry(from: Socket, to: Socket, peer: string): void {
  let held: { message: Buffer; after: number } | undefined;
  const send = (message: Buffer): void => to.send(message, PORT, peer);
  const release = (): void => {
    if (held === undefined) return;
    send(held.message);
    held = undefined;
  };
  from.on('message', message => {
    done.carried++;
    const fate = random(ONE_OF);
    if (fate === 0) return void done.lost++;
    if (fate === 1 && held === undefined) {
      done.delayed++;
      held = { message, after: BEHIND };
      setTimeout(release, HELD_MS);
      return;
    }
    send(message);
    if (fate === 2) {
      done.doubled++;
      send(message);
    }
    if (held !== undefined && --held.after === 0) release();
  });
}

const [a, b] = [await open(ownA), await open(ownB)];
carry(a, b, peerB);
carry(b, a, peerA);
stdout.write('ready\n');
stdin.resume().on('end', () => {
  stdout.write(`${JSON.stringify(done)}\n`, () => process.exit());
});
