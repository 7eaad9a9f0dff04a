// A client by npm's websocket-driver, the codec of Faye and of Ruby on Rails: 13.
const net = require('net')
const driver = require('websocket-driver')
const { arguments: read, play } = require('./steps')

const { url, steps, protocol } = read()
const { hostname, port } = new URL(url)
const socket = driver.client(url, { protocols: protocol ? [protocol] : [] })
const stream = net.connect(port, hostname, () => socket.start())
socket.setHeader('Origin', 'http://peer.test')
stream.pipe(socket.io).pipe(stream)
const script = play({
  text: data => socket.text(data),
  binary: data => socket.binary(data),
  ping: data => socket.ping(String(data), () => script.pong(data)),
  close: code => socket.close('', code)
}, steps)

socket.on('open', () => script.opened(socket.protocol))
socket.on('message', ({ data }) => typeof data === 'string' ? script.text(data) : script.binary(data))
socket.on('close', ({ code, reason }) => script.closed(code, reason))
socket.on('error', script.failed)
stream.on('error', script.failed)
stream.on('close', () => script.failed('the connection ended'))
