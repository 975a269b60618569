/** HTTP operations that take effect once: one key for an operation, until its outcome is known. */
export { createClient } from './client.js';
export { decide, type Answer, type Seen, type Verdict } from './decide.js';
export { uuidV7 } from './key.js';
export type {
  Client,
  ClientEvent,
  KeyStorage,
  Options,
  Outcome,
  Pending,
  ResumeInit,
  SendInit,
  UnknownReason,
} from './types.js';
