/** Checks how chains lead to chains: the core relies on it. */
import { MOST_DEPTH } from '../../assembly/rules-abi.js';
import type { Chain, RuleTable } from './model.js';

/** What is wrong with a chain: `expected …, got …`. */
export interface ChainProblem {
  chain: Chain;
  problem: string;
}

/** Loops, unknown chains, and chains that jump deeper than the core follows. */
export function chainProblems(table: RuleTable): ChainProblem[] {
  const chains = new Map(table.chains.map(chain => [chain.name, chain]));
  const depths = new Map<Chain, number>();
  const way: Chain[] = [];
  const problems: ChainProblem[] = [];

  /** Most chains that wait at once while this one is walked. */
  const depthOf = (chain: Chain): number => {
    const known = depths.get(chain);
    if (known !== undefined) return known;
    if (way.includes(chain)) {
      const loop = [...way.slice(way.indexOf(chain)), chain].map(({ name }) => name);
      problems.push({ chain, problem: `expected no loop of chains, got ${loop.join(' > ')}` });
      return 0;
    }
    way.push(chain);
    let depth = 0;
    for (const { target } of chain.rules) {
      if (target.kind !== 'jump' && target.kind !== 'goto') continue;
      const next = chains.get(target.chain);
      if (next === undefined || next.policy !== undefined) {
        problems.push({ chain, problem: `expected a user chain, got ${target.chain}` });
        continue;
      }
      depth = Math.max(depth, depthOf(next) + (target.kind === 'jump' ? 1 : 0));
    }
    way.pop();
    depths.set(chain, depth);
    return depth;
  };

  for (const chain of table.chains) {
    const depth = depthOf(chain);
    if (chain.policy === undefined || depth <= MOST_DEPTH) continue;
    const problem = `expected at most ${MOST_DEPTH} chains that wait for a jump, got ${depth}`;
    problems.push({ chain, problem });
  }
  return problems;
}
