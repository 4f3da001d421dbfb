/** One organisation's writer waits no longer than this for another. */
export const lockTimeoutMs = 4000;
/** No statement takes longer, be it a write's or a read's: none of our services waits longer for another. */
export const statementTimeoutMs = 5000;
/** A writer that was stopped in the middle holds its organisation's lock no longer than this. */
const idleTimeoutMs = 8000;

/** All in one statement, as each takes as long to come and go as to be done. */
export const limitTransaction = `select set_config('lock_timeout', '${lockTimeoutMs}', true),
  set_config('statement_timeout', '${statementTimeoutMs}', true),
  set_config('idle_in_transaction_session_timeout', '${idleTimeoutMs}', true)`;
