/**
 * The rules of a configured network are those that Docker Engine's own tests expect
 * (reference/iptables-golden), from the YAML on; zone-rules.test.ts begins behind it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../src/config/load.js';
import type { Family } from '../../src/rules/model.js';
import { printRules } from '../../src/rules/print.js';
import { shared } from '../support/shared.js';

const GOLDEN = shared('reference/iptables-golden');
const LOOPBACK: Record<Family, string> = { ipv4: '127.0.0.1', ipv6: '[::1]' };

/** The network that the name of a golden file says. */
function configOf(file: string, family: Family): string {
  const [options = ''] = file.split('__');
  const said = Object.fromEntries(options.split(',').map(option => option.split('=')));
  const host = said['bindlh'] === 'true' ? `${LOOPBACK[family]}:` : '';
  const network = [
    `icc: ${said['icc']}`,
    `internal: ${said['internal']}`,
    `masquerade: ${said['masq'] ?? true}`,
    `gatewayMode: ${said['gwm'] ?? 'nat'}`,
    said['snat'] === 'true' ? 'masqueradeAs: [192.168.123.0, "fd34:d0d4:672f::123"]' : '',
  ].filter(option => option !== '');
  return `
ports: { c: { kind: memory, segment: lan } }
segments: { lan: }
zones:
  host:
    interfaces:
      br-dummy: { segment: lan, addresses: [192.168.0.1/24, 'fd49:efd7:54aa::2/64'] }
    networks:
      br-dummy: { ${network.join(', ')} }
    publish:
      - { ip: [192.168.0.2, 'fd49:efd7:54aa::1'], network: br-dummy, ports: ['${host}8080:80'] }
`;
}

/** The golden files were made without the user's chain. */
function withoutUser(text: string): string {
  return text.replace(/^.*DOCKER-USER.*\n/gm, '');
}

/**
 * The golden files of routed networks were made with a host port, which the driver does not give
 * them (BR-19: no NAT): without what is about it, its translation, guard and way back to itself.
 */
function withoutHostPort(text: string): string {
  return text.replace(/^-A .*(--dport 8080 |-p tcp -m tcp --dport 80 -j MASQUERADE).*\n/gm, '');
}

test('publish: YAML gives a network the rules of Docker, in every mode and family', () => {
  const all = GOLDEN === undefined ? [] : readdirSync(GOLDEN);
  const isOurs = (file: string): boolean =>
    file.includes('hairpin=true') && !file.includes('wsl2') && !file.startsWith('cleaned');
  const files = all.filter(isOurs);
  assert.ok(GOLDEN === undefined || files.length > 50);
  for (const file of files) {
    const family = file.includes('ip6tables') ? 'ipv6' : 'ipv4';
    const text = readFileSync(join(GOLDEN!, file), 'utf8');
    const golden = file.includes('gwm=routed') ? withoutHostPort(text) : text;
    const { rules } = parseConfig(configOf(file, family), 'golden.yaml').zones[0]!;
    const { set } = rules.find(each => each.set.family === family)!;
    assert.is(withoutUser(printRules(set)), golden, file);
  }
});

test.run();
