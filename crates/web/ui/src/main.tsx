import { render } from 'preact';
import { App } from './App';
import { listen } from './lib/keys';
import { begin } from './lib/session';
import { followLinks } from './lib/url';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/parts.css';
import './styles/pages.css';

const root = document.getElementById('root');
if (root) {
  followLinks();
  listen();
  void begin();
  render(<App />, root);
}
