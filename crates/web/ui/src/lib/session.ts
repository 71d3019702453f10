// Who is logged in, and what the monitor says of itself.

import { signal } from '@preact/signals';
import { api, ApiError, whenLoginNeeded, type FilterField, type Origin, type Status } from '../api';
import * as live from './live';
import { knownTime, type Known } from './series';
import { clock, endAt } from './url';

export type Access = 'unknown' | 'open' | 'needed';

export const access = signal<Access>('unknown');
export const user = signal<string | null>(null);
export const status = signal<Status | null>(null);
export const filterFields = signal<FilterField[]>([]);

whenLoginNeeded(() => {
  live.stop();
  access.value = 'needed';
});

const AGAIN_MS = 2000;

/** Asks until there is an answer, then opens the live stream or the login page. */
export async function begin(): Promise<void> {
  try {
    const session = await api.session();
    user.value = session.user;
    if (!session.authenticated) {
      access.value = 'needed';
      return;
    }
    // Pages ask for other things where no run goes on.
    const { live: goesOn, store } = await about();
    if (goesOn) {
      live.start();
    } else {
      live.none();
      if (store?.newest != null) endAt(store.newest + 1);
    }
    access.value = 'open';
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return;
    if (access.value === 'unknown') live.connection.value = 'lost';
    setTimeout(() => void begin(), AGAIN_MS);
  }
}

/** What changes only with the monitor: asked again after each reconnection. */
export async function about(): Promise<Status> {
  const [what, fields] = await Promise.all([api.status(), api.filterFields()]);
  status.value = what;
  filterFields.value = fields;
  return what;
}

/** Of which time an answer tells all. */
export function known(from: Origin): Known {
  const what = status.value;
  return what ? knownTime(what, from, clock()) : { from: Infinity, to: -Infinity, late: 0 };
}

export async function logOut(): Promise<void> {
  live.stop();
  await api.logout();
  user.value = null;
  access.value = 'needed';
}

live.regained.subscribe((times) => {
  if (times > 0) about().catch(() => {});
});
