/** Services of a zone that are said in the words of ipvsadm(8). */
import { formatIp } from '../frame/address.js';
import { applyServiceText } from '../service/edit.js';
import { keyName } from '../service/names.js';
import { ConfigError, type Problem } from './config-error.js';
import { saidText } from './said-text.js';
import type { InterfaceConfig, ServiceConfig } from './zone-config.js';
import { speakerFor } from './zone-services.js';

/**
 * Those of the key `ipvsadm` of the zone at `path`; a file is looked for from `folder` on. Adds
 * what is wrong to `problems`.
 */
export function readIpvsadm(
  path: string,
  said: string | undefined,
  folder: string,
  interfaces: readonly InterfaceConfig[],
  problems: Problem[],
): ServiceConfig[] {
  if (said === undefined) return [];
  try {
    const source = saidText(`${path}.ipvsadm`, said, folder, 'ipvsadm -S');
    const { services, timeouts } = applyServiceText([], source);
    if (Object.values(timeouts).some(seconds => seconds > 0)) {
      const problem = `expected timeouts in ${path}.conntrack.timeoutsSec, got --set`;
      problems.push({ path: `${path}.ipvsadm`, problem });
    }
    return services.flatMap((service): ServiceConfig[] => {
      const { key, backends } = service;
      const vip = key.kind === 'address' ? formatIp(key.address) : undefined;
      const speaker = speakerFor(vip, interfaces);
      const isTunnel = backends.some(({ forwarding }) => forwarding === 'tunnel');
      if (speaker !== undefined && !isTunnel) return [{ service, interface: speaker }];
      const problem = isTunnel
        ? `expected -m or -g for ${keyName(key)}, as there are no tunnels to backends, got -i`
        : 'expected an interface in the zone, got none';
      problems.push({ path: `${path}.ipvsadm`, problem });
      return [];
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return [];
  }
}
