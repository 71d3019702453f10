// The name of a row in a list of the greatest, as a link to its page or to its flows.

import type { Ends, TopKind } from '../api';
import { href } from '../lib/url';
import { quoted, term } from '../lib/filter';
import { words } from '../i18n';

/** `tcp/443` → `proto:tcp port:443`; a name → `service:dns`. */
export function serviceFilter(name: string): string {
  const match = /^(\w+)\/(\d+)$/.exec(name);
  return match ? `${term('proto', match[1] ?? '')} ${term('dport', match[2] ?? '')}` : term('service', name);
}

export function conversationFilter(ends: Ends): string {
  return `${term('src', ends['id.orig_h'])} ${term('dst', ends['id.resp_h'])} ${term('dport', String(ends['id.resp_p']))} ${term('proto', ends.proto)}`;
}

function filterOf(kind: TopKind, name: string): string {
  switch (kind) {
    case 'service':
      return serviceFilter(name);
    case 'app':
      return term('app', name);
    case 'country':
      return term('country', name);
    case 'proto':
      return term('proto', name);
    case 'port':
      return /^\w+\/\d+$/.test(name) ? serviceFilter(name) : term('dport', name);
    case 'conn_state':
      return term('state', name);
    case 'host':
      return name;
    case 'conversation':
      return pairFilter(name);
  }
}

/** `10.0.0.1 > 192.0.2.7:443 tcp`, with or without the first one's port. */
export function pairFilter(name: string): string {
  const match = /^(\S+) > (\S+):(\d+) (\w+)$/.exec(name);
  if (!match) return quoted(name);
  const [, from = '', to = '', port = '', proto = ''] = match;
  // With its port an IPv6 address has brackets or one colon too many: only a bare address is taken.
  const bare = from.replace(/^\[(.*)\]:\d+$/, '$1').replace(/^([^:]+):\d+$/, '$1');
  return `${term('src', bare)} ${term('dst', to.replace(/^\[(.*)\]$/, '$1'))} ${term('dport', port)} ${term('proto', proto)}`;
}

export function NameLink({ kind, name, ends }: { kind: TopKind; name: string; ends?: Ends | null | undefined }) {
  // What has no name: the conversations without one.
  if (name === '') return <a href={href('flows', { filter: `-${kind}:*` })}>{words.value.applications.unrecognised}</a>;
  if (kind === 'host') return <a href={href('hosts', { address: name })}>{name}</a>;
  const filter = ends ? conversationFilter(ends) : filterOf(kind, name);
  return <a href={href('flows', { filter })}>{name}</a>;
}
