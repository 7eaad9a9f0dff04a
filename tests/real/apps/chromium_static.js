// Headless Chromium on a site of files: says what it saw as JSON.
const { chromium } = require('playwright-core')

async function look () {
  const part = await fetch('/big.bin', { headers: { Range: 'bytes=255-264' } })
  const bytes = new Uint8Array(await part.arrayBuffer())
  const script = await fetch('/sub/word.js', { cache: 'reload' })
  const whole = await (await fetch('/big.bin')).arrayBuffer()
  return {
    title: document.title,
    color: getComputedStyle(document.getElementById('p')).color,
    range: [part.status, bytes.length, bytes[0]],
    coding: script.headers.get('content-encoding'),
    size: whole.byteLength
  }
}

async function main ([url]) {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update',
      '--disable-sync']
  })
  const page = await browser.newPage()
  await page.goto(url + '/')
  await page.waitForFunction(() => document.title === 'loaded')
  console.log(JSON.stringify(await page.evaluate(look)))
  await page.reload()
  await page.waitForFunction(() => document.title === 'loaded')
  await browser.close()
}

main(process.argv.slice(2)).catch(error => { console.error(error); process.exit(1) })
