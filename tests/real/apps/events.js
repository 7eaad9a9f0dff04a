// Listens to server-sent events in headless Chromium, on the page at the URL: says the data of so many of them, a JSON line each.
const { chromium } = require('playwright-core')

async function main ([page, path, count]) {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync']
  })
  const tab = await browser.newPage()
  let heard = 0
  const done = new Promise(resolve => {
    tab.exposeFunction('report', data => {
      console.log(JSON.stringify(data))
      if (++heard === Number(count)) resolve()
    }).then(() => tab.goto(page)).then(() => tab.evaluate(path => {
      new EventSource(path).onmessage = ({ data }) => report(data)
    }, path))
  })
  await done
  await browser.close()
}

main(process.argv.slice(2)).catch(error => { console.error(error); process.exit(1) })
