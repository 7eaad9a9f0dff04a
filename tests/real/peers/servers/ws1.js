// An echo by npm's ws 1.1.5, of 2018: hixie-76, 8 and 13.
require('../latin1')
const { Server } = require('ws1')

process.noDeprecation = true
const server = new Server({ host: '127.0.0.1', port: Number(process.argv[2]), perMessageDeflate: false })
server.on('connection', socket => {
  socket.on('error', () => {})
  socket.on('message', (data, flags) => {
    const asked = !flags.binary && /^close:(\d+)$/.exec(data)
    if (asked) socket.close(Number(asked[1]), 'asked')
    else socket.send(data, { binary: !!flags.binary })
  })
})
