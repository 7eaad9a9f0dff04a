// A client by npm's ws 8: 13, and 8.
const { WebSocket } = require('ws')
const { arguments: read, play } = require('./steps')

const { url, draft, steps, protocol } = read()
const socket = new WebSocket(url, protocol ? protocol.split(', ') : [], {
  protocolVersion: draft === 'hybi-08' ? 8 : 13, origin: 'http://peer.test', perMessageDeflate: draft === '13'
})
const script = play({
  text: data => socket.send(data),
  binary: data => socket.send(data),
  ping: data => socket.ping(data),
  close: code => socket.close(code)
}, steps)

socket.on('open', () => script.opened(socket.protocol))
socket.on('message', (data, binary) => binary ? script.binary(data) : script.text(data))
socket.on('pong', script.pong)
socket.on('close', script.closed)
socket.on('error', script.failed)
