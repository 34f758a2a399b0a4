// The live page of the Express example, in a browser, while a large file is downloaded. KTLS_PIPE_WRITE_DOCS=1 keeps the
// picture for docs/.

import { once } from 'node:events'
import { type Browser, chromium } from 'playwright-core'
import t from 'tap'
import { startExample } from '../support/example-app.js'
import { temporaryFolder, writeRandomFile } from '../support/files.js'
import { receive, request } from '../support/http-client.js'
import { kernelTls } from '../support/kernel.js'
import { loadTool, projectFile } from '../support/project.js'

const largeBytes = 300 * 2 ** 20
const writesPicture = process.env.KTLS_PIPE_WRITE_DOCS === '1'
const timeoutMs = 5 * 60_000

t.setTimeout(timeoutMs)

const { machineRelease } = await loadTool('kernel-vm/debian/tool.mjs')
const hasBrowser = machineRelease() !== undefined || process.env.KTLS_PIPE_EXPECTED === '1'

t.test('/status in a browser', { skip: !hasBrowser && 'the browser is taken from Debian 12 or 13' }, async (t) => {
  const folder = temporaryFolder(t)
  const { name, size } = writeRandomFile(folder, largeBytes, 'film.mp4')
  const small = writeRandomFile(folder, 100, 'style.css')
  const { origin } = await startExample(t, 'express/server.mjs', folder, { imports: ['ktls-pipe/register'] })
  const port = Number(new URL(origin).port)
  const browser = await launchChromium()
  t.teardown(() => browser.close())
  const page = await browser.newPage({ ignoreHTTPSErrors: true, viewport: { width: 800, height: 860 } })
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  await page.goto(`${origin}/status/`)
  await page.locator('#state', { hasText: 'live' }).waitFor()
  await page.locator('#fallbacks', { hasText: /^none$/ }).waitFor()

  await receive(await request('https', port, { path: `/static/${small.name}`, agent: false }))
  const reason = 'below-minimum-size'
  await page.locator('#fallbacks tr', { hasText: reason }).waitFor()
  t.match(await page.locator('#fallbacks').innerText(), new RegExp(`^${reason}\\s+1$`))

  // A client that pauses, so that the file is under way for as long as somebody looks.
  const response = await request('https', port, { path: `/static/${name}`, agent: false })
  let received = 0
  const half = new Promise<void>((resolve) => {
    response.on('data', (chunk: Buffer) => {
      received += chunk.length
      if (received >= size / 2 && !response.isPaused()) {
        response.pause()
        resolve()
      }
    })
  })
  await half
  if (kernelTls) {
    await page.locator('#active', { hasText: /^1$/ }).waitFor()
    await page.locator('#tls', { hasText: /[1-9].* MB$/ }).waitFor()
    t.match(await page.locator('#counts').innerText(), /transfers through kernel TLS\s+1\b/)
  } else {
    await page.locator('#fallbacks tr', { hasText: /kernel-tls-unavailable\s*1/ }).waitFor()
  }
  if (writesPicture) await page.screenshot({ path: projectFile('docs', 'status-page.png') })
  received = Number.NEGATIVE_INFINITY
  const ended = once(response, 'end')
  response.resume()
  await ended
  await page.locator('#active', { hasText: /^0$/ }).waitFor()
  if (kernelTls) await page.locator('#tls', { hasText: /^314\.6 MB$/ }).waitFor()
  t.strictSame(complaints, [], 'the browser has nothing to say')
})

async function launchChromium(): Promise<Browser> {
  const { browser } = await loadTool('scripts/test/browser.mjs')
  const { executablePath, env } = (await browser()) as { executablePath: string; env: Record<string, string> }
  // Its sandbox needs rights that a container does not give; it loads a page of ours.
  return await chromium.launch({ executablePath, env, args: ['--no-sandbox', '--disable-gpu'] })
}
