// The loss ledger in one line and as a tree of accounts.

import type { Dictionary } from '../i18n/en';
import type { Ledger, Output, View } from '../api';
import { count } from './format';
import type { Connection } from './live';

export interface Account {
  name: string;
  /** `null`: unknown. */
  count: number | null;
  depth: 0 | 1 | 2;
  /** Anything but 0 here is a loss. */
  loss?: boolean;
  /** Anything but 0 here is a fault of the books. */
  fault?: boolean;
}

/** What the ledger says in one word; `stale`: it said something, but nobody knows whether it still holds. */
export type Verdict = 'good' | 'bad' | 'stale';

export function verdict(view: Pick<View, 'balanced' | 'lost_anything'>, connection: Connection): Verdict {
  if (connection !== 'live') return 'stale';
  return view.balanced && !view.lost_anything ? 'good' : 'bad';
}

/** What was lost, in few words: packets, and records where any were. */
export function losses({ lost_packets, lost_records = 0 }: Pick<View, 'lost_packets' | 'lost_records'>, t: Dictionary['ledger']): string[] {
  if (lost_records > 0) return [t.lostPackets(count(lost_packets)), t.lostRecords(count(lost_records))];
  return [lost_packets === 0 ? t.nothingLost : t.lost(count(lost_packets))];
}

/** Every account in the order in which a frame passes them, as the monitor prints them at its end. */
export function accounts(ledger: Ledger, outputs: Output[], t: Dictionary['ledger']): Account[] {
  const list: Account[] = [];
  const add = (depth: Account['depth'], name: string, count: number | null, kind: Pick<Account, 'loss' | 'fault'> = {}): void => {
    list.push({ depth, name, count, ...kind });
  };
  const sometimes = (depth: Account['depth'], name: string, count: number, kind: Pick<Account, 'loss' | 'fault'> = {}): void => {
    if (count !== 0) add(depth, name, count, kind);
  };

  for (const source of ledger.capture) {
    add(0, t.wire(source.source), source.wire);
    add(1, t.nicMissed, source.nic_missed, { loss: true });
    add(1, t.nicErrors, source.nic_errors, { loss: true });
    add(1, t.kernelDrops, source.kernel_drops, { loss: true });
    add(1, t.filteredKernel, source.filtered);
    if (source.in_flight !== null) sometimes(1, t.inFlight, source.in_flight);
    add(1, t.delivered, source.delivered);
    sometimes(1, t.unaccounted, source.unaccounted ?? 0, { fault: true });
  }
  const frames = ledger.frames;
  add(0, t.delivered, frames.delivered);
  sometimes(1, t.filtered, frames.filtered);
  sometimes(1, t.beyondCount, frames.beyond_count);
  add(1, t.undecodable, frames.undecodable);
  for (const { name, count } of frames.undecodable_by) add(2, name, count);
  add(1, t.notIp, frames.not_ip);
  for (const { name, count } of frames.not_ip_by) add(2, name, count);
  sometimes(1, t.handOverFull, frames.hand_over_full, { loss: true });
  sometimes(1, t.inHandOver, frames.in_hand_over);
  add(1, t.analysed, frames.analysed);
  sometimes(1, t.unaccounted, frames.unaccounted, { fault: true });
  const flows = ledger.flows;
  add(0, t.flowsOpened, flows.opened);
  add(1, t.flowsActive, flows.active);
  for (const { name, count } of flows.ended_by) add(1, t.ended(name), count);
  sometimes(1, t.refused, flows.refused, { loss: true });
  sometimes(1, t.unaccounted, flows.unaccounted, { fault: true });
  for (const { output, produced, queued, dropped, lost_by_output, shown_only } of ledger.records) {
    add(0, t.recordsFor(output), produced);
    // What the output could not keep had been queued for it.
    const lost = lost_by_output ?? outputs.find(({ name }) => name === output)?.dropped ?? 0;
    add(1, t.written, Math.max(0, queued - lost));
    sometimes(1, t.lostByOutput, lost, { loss: !shown_only });
    if (shown_only) sometimes(1, t.notShown, dropped);
    else add(1, t.dropped, dropped, { loss: true });
  }
  if (ledger.writer) {
    add(0, t.writer, ledger.writer.queued + ledger.writer.dropped);
    add(1, t.dropped, ledger.writer.dropped, { loss: true });
  }
  return list;
}
