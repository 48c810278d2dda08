// Reads a page with one of Node's HTTP clients: its body goes to the output, its Content-Encoding to the errors.

import http from 'node:http';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import zlib from 'node:zlib';

const byFetch = async (url, accept) => {
  const answer = await fetch(url, { headers: { accept } });
  return [answer.status, answer.headers.get('content-encoding'), Buffer.from(await answer.arrayBuffer())];
};

const byHttp = async (url, accept) => {
  const headers = { accept, 'accept-encoding': 'gzip' };
  const answer = await new Promise((resolve, reject) => {
    http.get(url, { headers }, resolve).on('error', reject);
  });
  const body = await promisify(zlib.gunzip)(await buffer(answer));
  return [answer.statusCode, answer.headers['content-encoding'], body];
};

const [client, url, accept] = process.argv.slice(2);
const [status, encoding, body] = await { fetch: byFetch, http: byHttp }[client](url, accept);
if (status !== 200) {
  throw new Error(`status ${status}`);
}
process.stdout.write(body);
console.error(encoding);
