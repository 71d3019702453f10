// What alerts say of what is shown elsewhere.

import type { Alert } from '../api';

/** Whether an interface has no carrier. Older monitors name it only in the text, which begins with it. */
export const isDown = (alerts: Alert[], source: string): boolean =>
  alerts.some(({ name, object, text }) => name === 'link_down' && (object === undefined ? text.startsWith(`${source} `) : object === source));
