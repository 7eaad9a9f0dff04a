// A WebSocket echo on a free port, by npm's ws: text stays text, binary stays binary.
const { WebSocketServer } = require('ws')

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: 64 << 20, maxFragments: 1 << 17, perMessageDeflate: true })
server.on('connection', socket => {
  socket.on('message', (data, binary) => socket.send(data, { binary }))
  socket.on('error', error => console.error(error.message)) // a client's fault; ws has closed by then
})
server.on('listening', () => console.log('port ' + server.address().port))
