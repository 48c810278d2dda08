// A peer of the bench `scrape`: the series of a page in a Gauge for each family, served by node:http, packed by node:zlib.
//
// Usage: server.js PAGE, where PAGE holds Prometheus text. Says where it listens once it has read it.

'use strict';

const fs = require('node:fs');
const http = require('node:http');
const readline = require('node:readline');
const { promisify } = require('node:util');
const zlib = require('node:zlib');

const { Gauge, Registry } = require('prom-client');

const gzip = promisify(zlib.gzip);

const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;
const ESCAPES = { n: '\n', '"': '"', '\\': '\\' };

function readLabels(text) {
  const labels = {};
  for (const [, name, value] of text.matchAll(LABEL)) {
    labels[name] = value.replace(/\\(.)/g, (_, letter) => ESCAPES[letter] ?? letter);
  }
  return labels;
}

async function load(registry, path) {
  const helps = new Map();
  const gauges = new Map();
  for await (const line of readline.createInterface({ input: fs.createReadStream(path) })) {
    if (line.startsWith('# HELP ')) {
      const [, , name, ...help] = line.split(' ');
      helps.set(name, help.join(' '));
    }
    if (line === '' || line.startsWith('#')) continue;
    const end = line.lastIndexOf(' ');
    const brace = line.indexOf('{');
    const name = line.slice(0, brace < 0 ? end : brace);
    const labels = brace < 0 ? {} : readLabels(line.slice(brace, end));
    let gauge = gauges.get(name);
    if (!gauge) {
      const labelNames = Object.keys(labels);
      gauge = new Gauge({ name, help: helps.get(name) ?? name, labelNames, registers: [registry] });
      gauges.set(name, gauge);
    }
    gauge.set(labels, Number(line.slice(end + 1)));
  }
}

async function main() {
  const registry = new Registry();
  await load(registry, process.argv[2]);

  const server = http.createServer(async (request, response) => {
    try {
      const page = await registry.metrics();
      response.setHeader('Content-Type', registry.contentType);
      if (/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) {
        response.setHeader('Content-Encoding', 'gzip');
        response.end(await gzip(page));
      } else {
        response.end(page);
      }
    } catch (error) {
      response.statusCode = 500;
      response.end(String(error));
    }
  });
  server.listen(0, '127.0.0.1', () => {
    console.log(`listening 127.0.0.1:${server.address().port}`);
  });
}

main();
