// Traffic to look at, bounded in time: `traffic server` in the one namespace, `traffic client` in the other.

import { readFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import http from 'node:http';
import net from 'node:net';
import tls from 'node:tls';

const WEB = '203.0.113.10';
const SHELL = '203.0.113.22';
const NAMES = '203.0.113.53';
const NOBODY = '203.0.113.99';
const WEB6 = '2001:db8::10';
const CLIENTS = ['10.77.0.1', '10.77.0.2', '10.77.0.3'];
const LONGEST_MS = 590_000;
const EVERY_MS = 150;

const work = process.env['UI_TEST_WORK'] ?? '.';
setTimeout(() => process.exit(0), LONGEST_MS);

function serve(): void {
  const page = (request: http.IncomingMessage, answer: http.ServerResponse): void => {
    const size = Number(/^\/size\/(\d{1,7})$/.exec(request.url ?? '')?.[1] ?? 200);
    answer.writeHead(200, { 'Content-Type': 'text/plain', Server: 'test/1.0' });
    answer.end('x'.repeat(size));
  };
  http.createServer(page).listen(80, WEB);
  http.createServer(page).listen(80, WEB6);
  tls
    .createServer({ key: readFileSync(`${work}/key.pem`), cert: readFileSync(`${work}/cert.pem`), maxVersion: 'TLSv1.2' }, (socket) => {
      socket.on('error', () => {});
      socket.on('data', () => socket.end('x'.repeat(4000)));
    })
    .listen(443, WEB);
  net
    .createServer((socket) => {
      socket.on('error', () => {});
      socket.write('SSH-2.0-OpenSSH_9.2p1\r\n');
      socket.on('data', () => setTimeout(() => socket.end(), 1200));
    })
    .listen(22, SHELL);
  // Of conversations that go on and on.
  net.createServer((socket) => socket.on('error', () => {}).on('data', (said) => socket.write(said))).listen(7000, WEB);
  const names = createSocket('udp4');
  names.on('message', (question, from) => names.send(answer(question), from.port, from.address));
  names.bind(53, NAMES);
}

/** An answer to a DNS query of one question: an address, or NXDOMAIN for names that begin with `no`. */
function answer(question: Buffer): Buffer {
  const missing = question.subarray(13, 15).toString() === 'no';
  const header = Buffer.from(question.subarray(0, 12));
  header.writeUInt16BE(missing ? 0x8183 : 0x8180, 2);
  header.writeUInt16BE(missing ? 0 : 1, 6);
  header.fill(0, 8);
  let end = 12;
  while ((question[end] ?? 0) !== 0) end += (question[end] ?? 0) + 1;
  const asked = question.subarray(12, end + 5);
  const record = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 10]);
  return Buffer.concat(missing ? [header, asked] : [header, asked, record]);
}

/** One query from a port of its own, so that it is a conversation of its own. */
function lookUp(name: string, client: string, id: number): void {
  const header = Buffer.from([(id >> 8) & 0xff, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  const socket = createSocket('udp4');
  socket.on('error', () => {});
  socket.on('message', () => socket.close());
  socket.bind(0, client, () => socket.send(Buffer.concat([header, ...labels, Buffer.from([0, 0, 1, 0, 1])]), 53, NAMES));
}

function ask(): void {
  let round = 0;
  const quiet = (): void => {};
  const fetchPage = (host: string, path: string, localAddress: string): void => {
    http.get({ host, path, localAddress, agent: false, headers: { Host: 'www.example.net', 'User-Agent': 'test' } }, (response) => response.resume()).on('error', quiet);
  };
  const connect = (port: number, host: string, localAddress: string): net.Socket => net.connect({ port, host, localAddress }).on('error', quiet);
  let long: net.Socket | null = null;
  setInterval(() => {
    round += 1;
    // The server may not be there yet.
    if (long === null || long.destroyed) long = connect(7000, WEB, '10.77.0.1').resume();
    else if (round % 3 === 0) long.write('still here');
    const client = CLIENTS[round % CLIENTS.length] ?? '10.77.0.1';
    lookUp(round % 5 === 0 ? `no${round % 3}.example.org` : `host-${round % 7}.example.net`, client, round);
    fetchPage(WEB, `/size/${(round % 10) * 3000}`, client);
    if (round % 3 === 0) fetchPage(WEB6, '/size/900', 'fd77::1');
    if (round % 2 === 0) {
      const secure = tls.connect({ socket: connect(443, WEB, client), servername: 'intranet.example.net', rejectUnauthorized: false }, () => secure.write('hello'));
      secure.on('error', quiet).resume();
    }
    if (round % 6 === 0) connect(81, WEB, client);
    if (round % 10 === 0) {
      const lost = connect(9999, NOBODY, client);
      setTimeout(() => lost.destroy(), 2500);
    }
    if (round % 8 === 0) {
      const shell = connect(22, SHELL, client);
      shell.write('SSH-2.0-test_1.0\r\n');
    }
    if (round % 40 === 0) fetchPage(WEB, '/size/2500000', client);
  }, EVERY_MS);
}

if (process.argv[2] === 'server') serve();
else ask();
