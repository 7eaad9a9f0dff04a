// Keeps a headless Chromium running for clients/chromium.js, and a page for it: only a page of this machine may open
// WebSockets to it.
const http = require('http')
const { chromium } = require('playwright-core')

async function main ([port, page]) {
  http.createServer((request, response) => response.end('<!doctype html><title>peer</title>')).listen(page, '127.0.0.1')
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--remote-debugging-port=' + port]
  })
  console.log('ready')
  process.on('SIGTERM', () => browser.close().then(() => process.exit(0)))
}

main(process.argv.slice(2)).catch(error => { console.error(error); process.exit(1) })
