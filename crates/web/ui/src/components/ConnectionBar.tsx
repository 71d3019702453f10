import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { words } from '../i18n';
import { connection, nextAttempt, reconnect } from '../lib/live';
import { Icon } from './icons';

/** A dot that says whether what is shown is live. */
export function ConnectionDot() {
  const t = words.value.connection;
  const state = connection.value;
  return (
    <span class={`dot ${state}`} role="status" data-connection={state}>
      <i /> <span>{t[state]}</span>
    </span>
  );
}

/** Said plainly while the monitor does not answer. */
export function ConnectionBar() {
  const t = words.value.connection;
  const moment = useSignal(Date.now());
  const lost = connection.value === 'lost';
  useEffect(() => {
    if (!lost) return;
    const timer = setInterval(() => (moment.value = Date.now()), 500);
    return () => clearInterval(timer);
  }, [lost]);
  if (!lost) return null;
  const seconds = Math.max(0, Math.ceil(((nextAttempt.value ?? moment.value) - moment.value) / 1000));
  return (
    <div class="connection-bar" role="alert">
      <Icon name="warning" />
      <strong>{t.lost}</strong>
      <span class="num">{t.retrying(seconds)}</span>
      <button type="button" class="button" onClick={reconnect}>
        {t.tryNow}
      </button>
    </div>
  );
}
