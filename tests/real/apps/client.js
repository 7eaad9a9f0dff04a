// A WebSocket client by npm's ws: echoes of each size in argv, text and binary, then a close with a code.
const { WebSocket } = require('ws')
const crypto = require('crypto')

const [url, kinds, ...sizes] = process.argv.slice(2)
const socket = new WebSocket(url, { maxPayload: 64 << 20, perMessageDeflate: false })
const wanted = []

function next () {
  const message = wanted.shift()
  if (!message) return socket.close(1000, 'done')
  socket.once('message', (data, binary) => {
    if (binary !== message.binary || !data.equals(message.data)) throw new Error('a wrong echo')
    next()
  })
  socket.send(message.data, { binary: message.binary })
}

for (const size of sizes) {
  const data = Buffer.from(crypto.randomBytes(Math.ceil(size / 2)).toString('hex').slice(0, size))
  for (const kind of kinds.split(',')) wanted.push({ data, binary: kind === 'binary' })
}
const count = wanted.length
socket.on('open', next)
socket.on('error', error => { throw error })
socket.on('close', code => console.log(`${count} echoes, closed ${code}`))
