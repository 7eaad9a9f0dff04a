// Opens noVNC in headless Chromium: waits for one colour, types a line, waits for the colour that follows from it.
const { chromium } = require('playwright-core')

async function main ([url, line, before, after]) {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync']
  })
  const page = await browser.newPage({ viewport: { width: 800, height: 600 } })
  const problems = []
  page.on('pageerror', error => problems.push(String(error)))
  page.on('console', message => message.type() === 'error' && problems.push(message.text()))
  const events = () => page.evaluate(() => window.events)
  const happened = name => page.waitForFunction(name => window.events?.some(({ event }) => event === name), name, { timeout: 20000 })
    .catch(async () => { throw new Error(`no ${name}: ${JSON.stringify(await events())} ${problems}`) })
  // How much of the screen has this colour.
  const share = colour => page.evaluate(colour => {
    const canvas = document.querySelector('canvas')
    const wanted = [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16))
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    let same = 0
    for (let at = 0; at < data.length; at += 4) same += wanted.every((part, index) => Math.abs(data[at + index] - part) <= 8)
    return same / (data.length / 4)
  }, colour)
  const filled = async colour => {
    const deadline = Date.now() + 20000
    for (;;) {
      const now = await share(colour)
      if (now > 0.5) return now
      if (Date.now() > deadline) throw new Error(`${colour} on ${now} of the screen: ${JSON.stringify(await events())} ${problems}`)
      await page.waitForTimeout(50)
    }
  }

  await page.goto(url)
  await happened('connect')
  const seen = { before: await filled(before) }
  await page.mouse.click(200, 150)
  await page.keyboard.type(line)
  await page.keyboard.press('Enter')
  seen.after = await filled(after)
  await page.evaluate(() => window.leave())
  await happened('disconnect')
  seen.events = await events()
  await browser.close()
  console.log(JSON.stringify({ ...seen, problems }))
}

main(process.argv.slice(2)).catch(error => { console.error(error); process.exit(1) })
