#!/usr/bin/env node
/** The agent's program. Turns the compile cache on before anything large is loaded: a restart must be quick. */
import { enableCompileCache } from 'node:module';

enableCompileCache();
const { runProgram } = await import('./program.ts');
await runProgram(process.argv.slice(2));
