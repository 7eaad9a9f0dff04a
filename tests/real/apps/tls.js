// A client of https and wss by Node and npm's ws: says what it saw as JSON.
const https = require('https')
const fs = require('fs')
const crypto = require('crypto')
const { WebSocket } = require('ws')

const [port, authority] = process.argv.slice(2)
const ca = fs.readFileSync(authority)

function get (agent, ports) {
  return new Promise((resolve, reject) => {
    https.get({ host: 'localhost', port, path: '/hello', ca, agent }, response => {
      ports.add(response.socket.localPort)
      const { socket } = response
      let body = ''
      response.on('data', data => { body += data })
      response.on('end', () => resolve({ body, protocol: socket.getProtocol(), resumed: socket.isSessionReused() }))
    }).on('error', reject)
  })
}

function echoes (sizes) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`wss://localhost:${port}/loop`, { ca, maxPayload: 4 << 20 })
    const done = []
    let sent
    const next = () => {
      if (done.length === sizes.length) return socket.close(1000)
      sent = crypto.randomBytes(sizes[done.length])
      socket.send(sent)
    }
    socket.on('open', next)
    socket.on('message', data => {
      if (!data.equals(sent)) return reject(new Error('a wrong echo'))
      done.push(sent.length)
      next()
    })
    socket.on('error', reject)
    socket.on('close', code => resolve({ echoes: done, closed: code }))
  })
}

async function main () {
  const ports = new Set()
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 })
  const bodies = []
  let last
  for (let i = 0; i < 3; i++) {
    last = await get(agent, ports)
    bodies.push(last.body)
  }
  // Its sockets are gone, its sessions are not.
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets) socket.destroy()
  await new Promise(resolve => setImmediate(resolve))
  const again = await get(agent, new Set())
  agent.destroy()
  const told = await echoes([1, 125, 65536, 1000000])
  console.log(JSON.stringify({ bodies, ports: ports.size, protocol: last.protocol, resumed: again.resumed, ...told }))
}

main().catch(error => { console.error(error); process.exit(1) })
