// Keeps looking at the status page of an exporter that is behind https and a password, until its standard input is closed:
// `node soak.mjs URL USER PASSWORD ROWS`. Prints a line of JSON for each visit.

import { launch } from './chromium.mjs';

const [url, username, password, rows] = process.argv.slice(2);
const REST = 3_000;
const PATIENCE = 20_000;
/** What people do: look, turn the page, sort, search. */
const VISITS = ['', '?page=2', '?sort=today', '?state=failing', '?q=a'];

let isOpen = true;
process.stdin.on('end', () => { isOpen = false; });
process.stdin.resume();

const browser = await launch();
try {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, httpCredentials: { username, password }, locale: 'en-US' });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  for (let visit = 0; isOpen; visit += 1) {
    const said = [];
    const note = (error) => said.push(error.message);
    page.on('pageerror', note);
    try {
      const query = VISITS[visit % VISITS.length];
      const answer = await page.goto(`${url}/${query}`);
      if (answer.status() !== 200) said.push(`status ${answer.status()} at ${query}`);
      const shown = await page.locator('#list tbody tr').count();
      if (query === '' && shown < Number(rows)) said.push(`${shown} rows`);
    } catch (error) {
      said.push(error.message);
    }
    page.off('pageerror', note);
    console.log(JSON.stringify(said.length > 0 ? { problem: said.join('; ') } : {}));
    await new Promise((resolve) => { setTimeout(resolve, REST); });
  }
} finally {
  await browser.close();
}
