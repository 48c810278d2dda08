// Looks at the status page of an exporter as people do: `node status.mjs URL`.
//
// Prints what is wrong, or that all is well. The orgs of the exporter have names that would set `window.hacked`.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { launch } from './chromium.mjs';

const [url] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WIDE = { width: 1440, height: 900 };
const NARROW = { width: 390, height: 844 };
const REFRESH = 15_000;

const browser = await launch();

/** Opens the page, looks at it, and fails on whatever the browser complains of. */
async function look(options, see, path = '') {
  const context = await browser.newContext({ viewport: WIDE, locale: 'en-US', ...options });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const said = [];
  page.on('pageerror', (error) => said.push(error.message));
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && said.push(message.text()));
  page.on('dialog', (dialog) => said.push(`dialog: ${dialog.message()}`));
  page.on('request', (request) => request.url().startsWith(url) || said.push(`asked for ${request.url()}`));
  await page.goto(`${url}/${path}`);
  await see(page);
  assert.deepEqual(said, []);
  await context.close();
}

/** Nothing serious stands in the way of whoever sees or moves in another way. The names have not run. */
async function check(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const serious = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
  const words = serious.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.html).join(' | ')}`);
  assert.deepEqual(words, []);
  assert.equal(await page.evaluate(() => globalThis.hacked), undefined, 'a name has run');
  const tooWide = () => document.documentElement.scrollWidth - document.documentElement.clientWidth;
  assert.equal(await page.evaluate(tooWide), 0, 'the page scrolls sideways');
}

const rows = (page) => page.locator('#list tbody tr');

/** What works without any script. */
async function use(page) {
  assert.equal(await rows(page).count(), 100);
  await page.getByRole('link', { name: 'Next' }).click();
  assert.equal(await rows(page).count(), 35);
  await page.getByRole('link', { name: 'Today', exact: true }).click();
  assert.equal(await page.locator('#list th[aria-sort=descending]').innerText(), 'Today ▼');
  const numbers = await page.locator('#list td[data-label=Today] data').evaluateAll((all) => all.map((one) => Number(one.value)));
  assert.deepEqual(numbers, numbers.toSorted((a, b) => b - a));
  await page.getByLabel('Name or id').fill('<script>');
  await page.getByRole('button', { name: 'Show' }).click();
  assert.equal(await rows(page).count(), 2);
  assert.equal(await page.getByLabel('Name or id').inputValue(), '<script>');
  assert.ok((await page.locator('#list .called').allInnerTexts()).includes('<script>window.hacked=1</script>'));
  await page.getByLabel('Name or id').fill('');
  await page.locator('select[name=state]').selectOption('failing');
  await page.getByRole('button', { name: 'Show' }).click();
  assert.equal(await rows(page).count(), 1);
  assert.match(await rows(page).innerText(), /device_counts: failed with status 502/);
  await rows(page).locator('summary').click();
  assert.ok(await rows(page).getByText('payload_counts_breakdown').isVisible());
}

/** Whoever uses keys only gets everywhere, and sees where. */
async function useKeys(page) {
  await page.keyboard.press('Tab');
  const skip = page.locator('a.skip');
  assert.ok(await skip.evaluate((link) => link === document.activeElement && link.getBoundingClientRect().width > 50));
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'list');
  await page.keyboard.press('Tab');
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, 'solid');
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'q');
}

/** The page keeps itself current, unless somebody is reading something in it. */
async function wait(page) {
  const mark = () => page.evaluate(() => { document.getElementById('live').dataset.old = 'yes'; });
  const isOld = () => page.evaluate(() => document.getElementById('live').dataset.old === 'yes');
  await mark();
  await page.clock.fastForward(REFRESH + 1_000);
  await page.waitForFunction(() => !document.getElementById('live').dataset.old);
  assert.equal(await rows(page).count(), 100);
  await mark();
  await rows(page).first().locator('summary').click();
  await page.clock.fastForward(REFRESH + 1_000);
  assert.ok(await isOld());
}

try {
  await look({}, check);
  await look({ colorScheme: 'dark' }, check);
  await look({ viewport: NARROW }, check);
  await look({ viewport: NARROW, colorScheme: 'dark' }, check, '?state=failing');
  await look({}, use);
  await look({ javaScriptEnabled: false }, use);
  await look({}, useKeys);
  await look({}, async (page) => {
    await page.clock.install();
    await page.reload();
    await wait(page);
  });
  console.log('all is well');
} finally {
  await browser.close();
}
