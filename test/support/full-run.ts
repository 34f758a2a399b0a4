/** In `npm run test:full`: everything that a file has, however long an emulated machine takes for it. */
export const fullRun = process.env.KTLS_PIPE_FULL === '1'
