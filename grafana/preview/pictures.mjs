// Takes pictures of the dashboards from the page that is served: `make dashboards-preview`.
//
//   node pictures.mjs PAGE_URL MOMENT.json FOLDER DESK_FOLDER [UID…]
//
// For each dashboard the first screen of a laptop and all of it, and in a folder of its own the screen of a desk.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

import { CHROMIUM } from '../../tests/browser/options.mjs';

const [url, momentFile, folder, deskFolder, ...only] = process.argv.slice(2);

const LAPTOP = { width: 1440, height: 900 };
const DESK = { width: 1920, height: 1080 };
/** What a README can bear. */
const LARGEST = 300_000;
const COLOURS = [256, 128, 64, 32];
/** Until panels have settled in their sizes. */
const SETTLE = 1_000;

/** Whom dashboards about one are about: what stands out most. */
const SUBJECTS = {
  'losant-organization': { org: ['org_id', 'topk(1, losant_org:payloads_spike:ratio)'] },
  'losant-sandbox': { sandbox: ['sandbox_id', 'topk(1, losant_sandbox:limit_used:ratio{resource="payload"})'] },
  'losant-quotas': { key: ['key', 'topk(1, count by (key) (losant_org_tag{key="team"}))'] },
};
const PRICE_PER_MILLION = 25;

const { now, every } = JSON.parse(readFileSync(momentFile, 'utf8'));

async function subjectsOf(uid) {
  const parameters = [];
  for (const [variable, [label, query]] of Object.entries(SUBJECTS[uid] ?? {})) {
    const answer = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query, time: now })}`);
    const { data } = await answer.json();
    const value = data.result[0]?.metric[label];
    if (value) parameters.push([`var-${variable}`, value]);
  }
  return parameters;
}

async function open(browser, uid, viewport) {
  const page = await browser.newPage({ viewport, colorScheme: 'dark', timezoneId: 'UTC', locale: 'en-US' });
  await page.clock.setFixedTime(now * 1000);
  const said = [];
  page.on('pageerror', (error) => said.push(error.message));
  page.on('console', (message) => message.type() === 'error' && said.push(message.text()));
  const parameters = [['dashboard', uid], ['now', now], ['every', every], ['var-price_per_million', PRICE_PER_MILLION]];
  await page.goto(`${url}/?${new URLSearchParams([...parameters, ...(await subjectsOf(uid))])}`);
  await page.waitForSelector('body[data-drawn]', { timeout: 120_000 });
  const failure = await page.getAttribute('body', 'data-drawn');
  if (failure) throw new Error(`${uid}: ${failure}`);
  for (const error of await page.locator('.error').allTextContents()) said.push(error);
  await page.waitForTimeout(SETTLE);
  for (const line of new Set(said)) console.error(`${uid}: ${line}`);
  return page;
}

/** With as many colours as fit into what a README can bear. */
function shrink(file) {
  for (const colours of COLOURS) {
    const small = `${file}.small`;
    execFileSync('pngquant', ['--force', '--speed', '1', '--strip', '--nofs', '--output', small, String(colours), file]);
    if (statSync(small).size <= LARGEST || colours === COLOURS.at(-1)) {
      renameSync(small, file);
      break;
    }
    rmSync(small);
  }
  const { size } = statSync(file);
  if (size > LARGEST) throw new Error(`${file} has ${size} bytes; at most ${LARGEST} are wanted`);
  console.log(`${file}: ${Math.ceil(size / 1000)} kB`);
}

async function heightOf(browser, uid) {
  const page = await open(browser, uid, LAPTOP);
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.close();
  return height;
}

async function take(browser, uid) {
  const name = uid.replace(/^losant-/, '');
  // What is out of sight is not drawn: the window is as high as all of it.
  const all = { ...LAPTOP, height: await heightOf(browser, uid) };
  const pictures = [
    [join(folder, `${name}.png`), LAPTOP],
    [join(folder, `${name}-all.png`), all],
    [join(deskFolder, `${name}.png`), DESK],
  ];
  for (const [file, viewport] of pictures) {
    const page = await open(browser, uid, viewport);
    await page.screenshot({ path: file });
    await page.close();
    shrink(file);
  }
}

for (const path of [folder, deskFolder]) mkdirSync(path, { recursive: true });
const dashboards = join(import.meta.dirname, '../dashboards');
const uids = readdirSync(dashboards)
  .filter((file) => file.endsWith('.json'))
  .map((file) => JSON.parse(readFileSync(join(dashboards, file), 'utf8')).uid)
  .filter((uid) => only.length === 0 || only.includes(uid));
const browser = await chromium.launch(CHROMIUM);
try {
  for (const uid of uids) await take(browser, uid);
} finally {
  await browser.close();
}
