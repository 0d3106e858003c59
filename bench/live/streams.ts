/** One TCP stream through each lane in turn, round by round. */
import type { Report } from '../support/workload.js';
import { type End, tcpStream } from './traffic.js';

const BITS_PER_GBIT = 1e9;

/** Reports what came through each, and the ratio of `sluice` to every other of one round. */
export async function compareStreams(
  report: Report,
  rounds: number,
  { sluice, ...others }: Record<string, End> & { sluice: End },
  note: string,
): Promise<void> {
  const names = Object.keys(others);
  const ratios = new Map<string, number[]>(names.map(name => [name, []]));
  const bits = new Map<string, number[]>([...names, 'sluice'].map(name => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    report.progress(`TCP streams ${round}/${rounds}`);
    const ours = await tcpStream(sluice);
    bits.get('sluice')!.push(ours);
    for (const name of names) {
      const theirs = await tcpStream(others[name]!);
      bits.get(name)!.push(theirs);
      ratios.get(name)!.push(ours / theirs);
    }
  }
  for (const [name, figures] of bits) {
    const gigabits = figures.map(bit => bit / BITS_PER_GBIT);
    report.row('Gbit/s', `tcp ${name}`, gigabits, note);
  }
  for (const [name, figures] of ratios) report.row('ratio', `tcp vs ${name}`, figures, note);
}
