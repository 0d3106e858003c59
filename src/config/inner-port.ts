/** What ports without a device have in common: tunnel ports of overlays, router ports of zones. */
import type { PortConfig } from './config.js';

type Given = 'name' | 'kind' | 'segment' | 'learning' | 'flood';

export const INNER_PORT: Omit<PortConfig, Given> = {
  up: true,
  multicastFlood: true,
  broadcastFlood: true,
  hairpin: false,
  isolated: false,
  locked: false,
  neighbourSuppress: false,
  group: 0,
  mtuBytes: 0, // of frames; what is too long is answered: OverlayOption, InterfaceOption
  offload: true,
  device: '',
  storm: { broadcastPerSec: 0, multicastPerSec: 0, unicastPerSec: 0 },
};
