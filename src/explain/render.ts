/** A walk as text for people and as a Mermaid diagram. */
import type { WhyNot } from './why-not.js';
import type { Walk, WalkFrame, WalkStep } from './walk.js';

const HEX_ROW_BYTES = 16;
const STAGE_WIDTH = 8;

/** Stages in order, then the verdict and the bytes in and out. */
export function walkText(walk: Walk): string {
  return [
    `in ${walk.in.port}: ${walk.in.summary}`,
    ...walk.steps.map(step => `  ${step.stage.padEnd(STAGE_WIDTH)} ${step.text}`),
    `verdict: ${walk.verdict}`,
    '',
    `bytes in at ${walk.in.port}:`,
    ...hexRows(walk.in.hex),
    ...walk.out.flatMap(frame => ['', ...outBytes(walk, frame)]),
  ].join('\n');
}

/** Who refused it, who all but let it pass, and what that one asks in vain. */
export function whyNotText(why: WhyNot | null): string {
  if (why === null) return 'why not: no rule refused it';
  const { decided, nearest, failed } = why;
  const lines = [`why not: refused by ${decided}`];
  if (nearest === null) return [...lines, '  no rule there accepts anything'].join('\n');
  const inVain = failed.length === 0 ? 'nothing: it stands behind the other' : failed.join(', ');
  return [...lines, `  nearest: ${nearest}`, `  what of it fails: ${inVain}`].join('\n');
}

function outBytes(walk: Walk, frame: WalkFrame): string[] {
  if (frame.hex === walk.in.hex) return [`bytes out at ${frame.port}: unchanged`];
  return [`bytes out at ${frame.port}: ${frame.summary}`, ...hexRows(frame.hex)];
}

function hexRows(hex: string): string[] {
  const rows: string[] = [];
  for (let at = 0; at < hex.length; at += 2 * HEX_ROW_BYTES) {
    const row = hex.slice(at, at + 2 * HEX_ROW_BYTES).replace(/(..)(?=.)/g, '$1 ');
    rows.push(`  ${(at / 2).toString(16).padStart(4, '0')}  ${row}`);
  }
  return rows;
}

/** A flowchart: one box a stage, one exit a copy. */
export function walkMermaid(walk: Walk): string {
  const stages = groupByStage(walk.steps);
  const lines = ['flowchart LR', `  in([${quote(`${walk.in.port}<br>${walk.in.summary}`)}])`];
  let last = 'in';
  stages.forEach(({ stage, texts }, i) => {
    const id = `s${i}`;
    lines.push(
      `  ${id}[${quote([`<b>${stage}</b>`, ...texts].join('<br>'))}]`,
      `  ${last} --> ${id}`,
    );
    last = id;
  });
  walk.out.forEach((frame, i) => {
    lines.push(`  ${last} --> o${i}([${quote(`${frame.port}<br>${frame.length} bytes`)}])`);
  });
  walk.dropped.forEach((frame, i) => {
    lines.push(`  ${last} --> d${i}{{${quote(`${frame.reason}<br>at ${frame.port}`)}}}`);
  });
  return lines.join('\n');
}

/** Runs of steps of one stage. */
function groupByStage(steps: readonly WalkStep[]): { stage: string; texts: string[] }[] {
  const groups: { stage: string; texts: string[] }[] = [];
  for (const { stage, text } of steps) {
    const last = groups.at(-1);
    if (last?.stage === stage) last.texts.push(text);
    else groups.push({ stage, texts: [text] });
  }
  return groups;
}

function quote(text: string): string {
  return `"${text.replaceAll('"', '#quot;').replaceAll(' > ', ' → ')}"`;
}
