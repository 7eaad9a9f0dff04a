// Opens the demo page in headless Chromium, waits for round trips, says what it saw as JSON, takes a picture.
const { chromium } = require('playwright-core')

async function main ([url, picture]) {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync']
  })
  const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } })
  const problems = []
  page.on('pageerror', error => problems.push(String(error)))
  page.on('console', message => message.type() === 'error' && problems.push(message.text()))
  page.on('requestfailed', request => problems.push('failed: ' + request.url()))

  const number = async id => parseInt((await page.textContent('#' + id)).replace(/\D/g, '') || '0')
  const more = async (id, than) =>
    page.waitForFunction(([id, than]) => parseInt(document.getElementById(id).textContent.replace(/\D/g, '') || '0') > than, [id, than], { timeout: 10000 })

  await page.goto(url)
  await more('ws-count', 5)
  await more('http-count', 5)
  const first = { http: await number('http-count'), ws: await number('ws-count') }
  await more('ws-count', first.ws + 5)
  await more('http-count', first.http + 5)
  const second = { http: await number('http-count'), ws: await number('ws-count') }

  await page.fill('#echo-text', 'a word of mine')
  await page.click('#echo-send')
  await page.waitForFunction(() => document.getElementById('echo-log').textContent.includes('a word of mine'), null, { timeout: 5000 })
  await page.click('#drop')
  await page.waitForFunction(() => parseInt(document.getElementById('ws-opens').textContent) >= 2, null, { timeout: 10000 })
  const again = await number('ws-count')
  await more('ws-count', again)
  const wrong = { http: await number('http-bad'), ws: await number('ws-bad') }
  await page.screenshot({ path: picture })
  await browser.close()
  console.log(JSON.stringify({ first, second, wrong, problems }))
}

main(process.argv.slice(2)).catch(error => { console.error(error); process.exit(1) })
