// A client in headless Chromium: 13. CHROMIUM and CHROMIUM_PAGE are the ports of
// a browser that already runs, made by browser.js.
const { chromium } = require('playwright-core')
const { arguments: read, play } = require('./steps')

async function main ({ url, steps, protocol }) {
  const browser = await chromium.connectOverCDP('http://127.0.0.1:' + process.env.CHROMIUM)
  const page = await browser.newPage()
  const events = {}
  const script = play({
    text: data => page.evaluate(data => socket.send(data), data),
    binary: data => page.evaluate(data => socket.send(Uint8Array.from(atob(data), c => c.charCodeAt())), data.toString('base64')),
    close: code => page.evaluate(code => socket.close(code), code)
  }, steps)
  const ended = new Promise(resolve => {
    Object.assign(events, script, {
      binary: data => script.binary(Buffer.from(data, 'utf16le').filter((_, at) => at % 2 === 0)),
      closed: (code, reason) => resolve(() => script.closed(code, reason)),
      failed: error => resolve(() => script.failed(error))
    })
  })
  await page.exposeFunction('report', (name, ...values) => { events[name](...values) })
  await page.goto(`http://127.0.0.1:${process.env.CHROMIUM_PAGE}/`)
  await page.evaluate(([url, protocol]) => {
    window.socket = new WebSocket(url, protocol ? protocol.split(', ') : [])
    socket.binaryType = 'arraybuffer'
    let open = false
    socket.onopen = () => { open = true; report('opened', socket.protocol) }
    socket.onmessage = ({ data }) =>
      typeof data === 'string' ? report('text', data) : report('binary', new TextDecoder('x-user-defined').decode(data))
    socket.onclose = ({ code, reason }) => open ? report('closed', code, reason) : report('failed', 'never opened')
  }, [url, protocol])
  const end = await ended
  await page.close()
  end()
}

main(read()).catch(error => { console.error(error); process.exit(1) })
