import { words } from '../i18n';
import { when } from '../lib/format';
import { view } from '../lib/live';
import { Icon } from './icons';

/** What somebody should know, whichever page is looked at. */
export function Alerts() {
  const t = words.value.alerts;
  const alerts = view.value?.alerts ?? [];
  if (alerts.length === 0) return null;
  return (
    <ul class="alerts" aria-label={t.title}>
      {alerts.map((alert) => (
        // Those of several interfaces share a name.
        <li key={`${alert.name} ${alert.object ?? alert.text}`} class={alert.severity}>
          <Icon name="warning" />
          <strong>{alert.name}</strong>
          <span>{alert.text}</span>
          <span class="hint num">{t.since(when(alert.since, Date.now()))}</span>
        </li>
      ))}
    </ul>
  );
}
