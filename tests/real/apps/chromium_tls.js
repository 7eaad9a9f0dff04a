// Headless Chromium over https and wss: says what it saw as JSON.
const { chromium } = require('playwright-core')

async function look (url) {
  const fetched = await fetch('/hello')
  const body = await fetched.text()
  const big = await (await fetch('/big?size=3276800')).arrayBuffer()
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', big))
  const sum = [...digest].map(byte => byte.toString(16).padStart(2, '0')).join('')
  const { nextHopProtocol: protocol } = performance.getEntriesByType('resource').find(entry => entry.name.endsWith('/hello'))
  const socket = new WebSocket(url.replace('https:', 'wss:') + '/loop')
  socket.binaryType = 'arraybuffer'
  await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject })
  const echoes = []
  for (const size of [1, 125, 65536, 1000000]) {
    const sent = new Uint8Array(size).map((_, at) => at * 31 + size)
    const came = new Promise(resolve => { socket.onmessage = resolve })
    socket.send(sent)
    const got = new Uint8Array((await came).data)
    if (got.length === size && got.every((byte, at) => byte === sent[at])) echoes.push(size)
  }
  const ended = new Promise(resolve => { socket.onclose = resolve })
  socket.close(1000)
  const { code, wasClean } = await ended
  return { body, sum, protocol, echoes, closed: [code, wasClean] }
}

async function main ([url]) {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--ignore-certificate-errors']
  })
  const page = await browser.newPage({ ignoreHTTPSErrors: true })
  await page.goto(url + '/hello')
  console.log(JSON.stringify(await page.evaluate(look, url)))
  await browser.close()
}

main(process.argv.slice(2)).catch(error => { console.error(error); process.exit(1) })
