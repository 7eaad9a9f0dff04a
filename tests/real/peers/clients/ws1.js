// A client by npm's ws 1.1.5, of 2018: 8 and 13. Its keys have 15 bytes.
const WebSocket = require('ws1')
const { arguments: read, play } = require('./steps')

const { url, draft, steps, protocol } = read()
const socket = new WebSocket(url, protocol ? [protocol] : [], {
  protocolVersion: draft === 'hybi-08' ? 8 : 13, origin: 'http://peer.test', perMessageDeflate: false
})
const script = play({
  text: data => socket.send(data),
  binary: data => socket.send(data, { binary: true }),
  ping: data => socket.ping(data),
  close: code => socket.close(code)
}, steps)

socket.on('open', () => script.opened(socket.protocol))
socket.on('message', (data, flags) => flags.binary ? script.binary(data) : script.text(data))
socket.on('pong', script.pong)
socket.on('close', script.closed)
socket.on('error', script.failed)
