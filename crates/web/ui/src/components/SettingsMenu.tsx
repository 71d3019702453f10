import { words } from '../i18n';
import { helpShown } from '../lib/keys';
import { access, logOut, status, user } from '../lib/session';
import { language, theme, type Language, type Theme } from '../lib/settings';
import { Icon } from './icons';
import { Menu } from './Menu';

const THEMES: Theme[] = ['system', 'light', 'dark'];
const LANGUAGES: [Language, string][] = [
  ['en', 'English'],
  ['zh', '中文'],
];

export function SettingsMenu() {
  const t = words.value;
  return (
    <Menu label={t.account.settings} className="button icon-only" button={<Icon name="gear" />}>
      {(close) => (
        <div class="settings">
          <fieldset>
            <legend>{t.theme.label}</legend>
            {THEMES.map((one) => (
              <button type="button" key={one} class={`choice${theme.value === one ? ' on' : ''}`} aria-pressed={theme.value === one} onClick={() => (theme.value = one)}>
                {t.theme[one]}
              </button>
            ))}
          </fieldset>
          <fieldset>
            <legend>{t.language}</legend>
            {LANGUAGES.map(([one, name]) => (
              <button type="button" key={one} lang={one} class={`choice${language.value === one ? ' on' : ''}`} aria-pressed={language.value === one} onClick={() => (language.value = one)}>
                {name}
              </button>
            ))}
          </fieldset>
          <button
            type="button"
            class="choice"
            onClick={() => {
              close();
              helpShown.value = true;
            }}
          >
            {t.keys.title} <kbd>?</kbd>
          </button>
          {access.value === 'open' && status.value?.auth === true ? (
            <button type="button" class="choice" onClick={() => void logOut()}>
              {t.account.logOut} {user.value === null ? '' : `(${user.value})`}
            </button>
          ) : null}
        </div>
      )}
    </Menu>
  );
}
