#!/usr/bin/env node
import * as module from 'node:module';

// Keeps compiled code between runs, where Node can (22.8 and newer) and a place for it can be written.
module.enableCompileCache?.();

import('../dist/programs/main.js').then(
  ({ main }) => main(process.argv),
  (error) => {
    const isUnbuilt = error.code === 'ERR_MODULE_NOT_FOUND' && String(error.message).includes('programs/main.js');
    console.error(isUnbuilt ? 'error: incubate is not built: run `npm run build`' : error);
    process.exitCode = 4;
  },
);
