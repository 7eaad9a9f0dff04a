// An echo by npm's ws 8: 8 and 13.
const { WebSocketServer } = require('ws')

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), perMessageDeflate: true })
server.on('connection', socket => {
  socket.on('error', () => {})
  socket.on('message', (data, binary) => {
    const asked = !binary && /^close:(\d+)$/.exec(data)
    if (asked) socket.close(Number(asked[1]), 'asked')
    else socket.send(data, { binary })
  })
})
