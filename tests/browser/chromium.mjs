// The browser, as tests and pictures of the status page start it.

import { chromium } from 'playwright-core';

import { CHROMIUM } from './options.mjs';

export const launch = () => chromium.launch(CHROMIUM);
