import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { ConnectionBar } from './components/ConnectionBar';
import { Help } from './components/Help';
import { Shell } from './components/Shell';
import { Empty, Skeleton } from './components/States';
import { words } from './i18n';
import { refreshEvery } from './lib/range';
import { access } from './lib/session';
import { clock, href, now, place, range, type Page } from './lib/url';
import { ApplicationsPage } from './pages/Applications';
import { FlowsPage } from './pages/Flows';
import { HostsPage } from './pages/Hosts';
import { Login } from './pages/Login';
import { NowPage } from './pages/Now';
import { QueryPage } from './pages/Query';
import { SensorPage } from './pages/Sensor';
import { DnsPage, TcpPage, TlsPage } from './pages/Tables';

const PAGES: Record<Page, ComponentType> = {
  now: NowPage,
  flows: FlowsPage,
  hosts: HostsPage,
  applications: ApplicationsPage,
  tcp: TcpPage,
  dns: DnsPage,
  tls: TlsPage,
  sensor: SensorPage,
  query: QueryPage,
};

export function App() {
  const t = words.value;
  const { page, address } = place.value;
  const every = refreshEvery(range.value);

  useEffect(() => {
    const name = page === null ? '' : t.pages[page];
    document.title = [address, name, t.product].filter((part) => part !== null && part !== '').join(' · ');
  }, [page, address, t]);

  // A range that moves on is read again from time to time, while somebody can see it.
  useEffect(() => {
    if (every === null) return;
    const timer = setInterval(() => {
      if (!document.hidden) now.value = clock();
    }, every);
    return () => clearInterval(timer);
  }, [every]);

  if (access.value === 'needed')
    return (
      <>
        <Login />
        <Help />
      </>
    );
  if (access.value === 'unknown')
    return (
      <main class="login" aria-busy="true">
        <ConnectionBar />
        <Skeleton lines={3} />
      </main>
    );
  const Shown = page === null ? null : PAGES[page];
  return (
    <>
      <Shell>
        <h1 class="page-title">{page === null ? t.product : t.pages[page]}</h1>
        {Shown ? (
          <Shown key={page} />
        ) : (
          <Empty title={t.state.noSuchPage}>
            <a href={href('now')}>{t.state.toStart}</a>
          </Empty>
        )}
      </Shell>
      <Help />
    </>
  );
}
