// A WebSocket echo on a free port, by npm's ws: text stays text, binary stays binary.
const { WebSocketServer } = require('ws')

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: 64 << 20, perMessageDeflate: true })
server.on('connection', socket => socket.on('message', (data, binary) => socket.send(data, { binary })))
server.on('listening', () => console.log('port ' + server.address().port))
