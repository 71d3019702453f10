import { useSignal } from '@preact/signals';
import { api, ApiError } from '../api';
import { words } from '../i18n';
import { begin } from '../lib/session';
import { SettingsMenu } from '../components/SettingsMenu';

/** Where a monitor that is not open to everybody asks who it is; afterwards one is where the link led. */
export function Login() {
  const t = words.value.login;
  const user = useSignal('');
  const secret = useSignal('');
  const byToken = useSignal(false);
  const problem = useSignal<string | null>(null);
  const busy = useSignal(false);

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    busy.value = true;
    problem.value = null;
    try {
      const name = user.value.trim();
      await api.login(byToken.value ? { token: secret.value.trim() } : { password: secret.value, ...(name === '' ? {} : { user: name }) });
      secret.value = '';
      await begin();
    } catch (cause) {
      if (cause instanceof ApiError && cause.status === 401) problem.value = t.wrong;
      else if (cause instanceof ApiError && cause.status === 429) problem.value = t.slow;
      else if (cause instanceof ApiError) problem.value = cause.message;
      else throw cause;
    } finally {
      busy.value = false;
    }
  };

  return (
    <main class="login">
      <form class="panel login-box" onSubmit={(event) => void submit(event)}>
        <img src="/favicon.svg" alt="" width="36" height="36" />
        <h1>{words.value.product}</h1>
        <p class="hint">{t.intro}</p>
        <div class="segments" role="group" aria-label={t.by}>
          <button type="button" aria-pressed={!byToken.value} onClick={() => (byToken.value = false)}>
            {t.password}
          </button>
          <button type="button" aria-pressed={byToken.value} onClick={() => (byToken.value = true)}>
            {t.token}
          </button>
        </div>
        {byToken.value ? null : (
          <label>
            {t.user}
            <input class="input" name="username" autocomplete="username" value={user.value} onInput={(e) => (user.value = e.currentTarget.value)} />
            <span class="hint">{t.userHint}</span>
          </label>
        )}
        <label>
          {byToken.value ? t.token : t.password}
          <input
            class="input"
            name="password"
            type="password"
            autocomplete={byToken.value ? 'off' : 'current-password'}
            required
            value={secret.value}
            onInput={(e) => (secret.value = e.currentTarget.value)}
          />
        </label>
        {problem.value === null ? null : (
          <p class="bad" role="alert">
            {problem.value}
          </p>
        )}
        <button type="submit" class="button primary" disabled={busy.value}>
          {t.submit}
        </button>
      </form>
      <div class="login-settings">
        <SettingsMenu />
      </div>
    </main>
  );
}
