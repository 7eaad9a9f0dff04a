// Opens a page in headless Chromium, waits until its title begins with a word, says what it saw as JSON.
const { chromium } = require('playwright-core')

async function main ([url, word]) {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync']
  })
  const page = await browser.newPage()
  const problems = []
  page.on('pageerror', error => problems.push(String(error)))
  const response = await page.goto(url)
  await page.waitForFunction(word => document.title.startsWith(word), word, { timeout: 20000 })
  const title = await page.title()
  await browser.close()
  console.log(JSON.stringify({ status: response.status(), title, problems }))
}

main(process.argv.slice(2)).catch(error => { console.error(error); process.exit(1) })
