/** What the phone's system tells its stack of the links. */

import type { Host } from '../../network/index.js';
import type { CarrierNews } from './phone.js';
import type { WifiStep } from './wifi.js';

export function tellFacts(_now: number, _host: Host, _step: WifiStep, _news: CarrierNews): void {}
