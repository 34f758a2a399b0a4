import express5 from 'express'
import express4 from 'express-4'
import { secureApp } from '../listen.mjs'

/** @type {import('../app.mjs').App[]} */
export const apps = [
  ['express', express5],
  ['express-4', express4],
].flatMap(([name, express]) => {
  const app = (what, route) => secureApp([name], what, (context) => route(express(), context))
  const sendFile = (application, { folder }) =>
    application.get('/:name', (request, response) => response.sendFile(request.params.name, { root: folder }))
  return [
    app('res.sendFile', sendFile),
    app('res.download', (application, { folder }) =>
      application.get('/:name', (request, response) => response.download(request.params.name, { root: folder })),
    ),
    app('express.static', (application, { folder }) => application.use(express.static(folder))),
    { ...app('res.sendFile, a range', sendFile), headers: { range: 'bytes=1000-900000' } },
    { ...app('res.sendFile, not modified', sendFile), isConditional: true },
  ]
})
