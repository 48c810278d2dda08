// Takes pictures of the status page of an exporter: `node pictures.mjs URL FOLDER`.

import { join } from 'node:path';

import { launch } from './chromium.mjs';

const [url, folder] = process.argv.slice(2);
const LAPTOP = { width: 1440, height: 900 };
const PICTURES = {
  status: { viewport: LAPTOP, colorScheme: 'light' },
  'status-dark': { viewport: LAPTOP, colorScheme: 'dark' },
  'status-narrow': { viewport: { width: 390, height: 1600 }, colorScheme: 'light' },
  'status-narrow-dark': { viewport: { width: 390, height: 1600 }, colorScheme: 'dark' },
};

const browser = await launch();
try {
  for (const [name, options] of Object.entries(PICTURES)) {
    const page = await browser.newPage({ locale: 'en-US', ...options });
    await page.goto(url);
    await page.screenshot({ path: join(folder, `${name}.png`) });
    await page.close();
  }
} finally {
  await browser.close();
}
