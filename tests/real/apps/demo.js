// Opens the demo page in two tabs of headless Chromium, waits for round trips, lets the tabs talk, says what it saw as JSON, takes a picture.
const { chromium } = require('playwright-core')

async function main ([url, picture]) {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync']
  })
  const problems = []
  const tab = async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } })
    page.on('pageerror', error => problems.push(String(error)))
    page.on('console', message => message.type() === 'error' && problems.push(message.text()))
    // A tab that is closed ends its stream of events.
    page.on('requestfailed', request => request.failure().errorText === 'net::ERR_ABORTED' || problems.push('failed: ' + request.url()))
    return page
  }
  const page = await tab()
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
  const talk = await talking(url, tab, page, await tab())
  await page.screenshot({ path: picture, fullPage: true })
  await browser.close()
  console.log(JSON.stringify({ first, second, wrong, talk, problems }))
}

// What two tabs hear of each other, and one of the counter and of what is published.
async function talking (url, tab, one, other) {
  const shows = (page, id, text) =>
    page.waitForFunction(([id, text]) => document.getElementById(id).textContent.includes(text), [id, text], { timeout: 10000 })
  const counter = async () => Number((await one.textContent('#counter')).replace(/\D/g, ''))

  await other.goto(url)
  for (const [page, name] of [[one, 'ann'], [other, 'bob']]) {
    await page.fill('#chat-name', name)
    await page.press('#chat-name', 'Enter')
  }
  await shows(one, 'echo-log', 'a word of mine') // a new name does not load the page anew
  for (const page of [one, other]) for (const name of ['ann', 'bob']) await shows(page, 'chat-who', name)
  await one.fill('#chat-text', 'a word of mine to all')
  await one.click('#chat-send')
  for (const page of [one, other]) await shows(page, 'chat-log', 'anna word of mine to all')
  await other.fill('#publish-text', 'posted by one of them')
  await other.click('#publish')
  await shows(one, 'chat-log', 'from outsideposted by one of them')
  const answer = await other.textContent('#publish-answer')
  await other.click('#publish-many')
  await shows(one, 'chat-log', 'number 500 of 500')
  const later = await tab()
  await later.goto(url)
  await shows(later, 'chat-log', 'number 451 of 500')
  await later.close()
  await other.close()
  await one.waitForFunction(() => document.getElementById('chat-who').textContent === 'ann', null, { timeout: 10000 })
  const before = await counter()
  await one.waitForFunction(before => Number(document.getElementById('counter').textContent.replace(/\D/g, '')) > before, before, { timeout: 10000 })
  return { answer }
}

main(process.argv.slice(2)).catch(error => { console.error(error); process.exit(1) })
