// A client by npm's websocket: 8 and 13.
const { client: Client } = require('websocket')
const { arguments: read, play } = require('./steps')

const { url, draft, steps, protocol } = read()
const client = new Client({ webSocketVersion: draft === 'hybi-08' ? 8 : 13 })
let connection
const script = play({
  text: data => connection.sendUTF(data),
  binary: data => connection.sendBytes(data),
  ping: data => connection.ping(data),
  close: code => connection.close(code)
}, steps)

client.on('connectFailed', script.failed)
client.on('connect', made => {
  connection = made
  connection.on('message', message =>
    message.type === 'utf8' ? script.text(message.utf8Data) : script.binary(message.binaryData))
  connection.on('pong', script.pong)
  connection.on('close', script.closed)
  connection.on('error', script.failed)
  script.opened(connection.protocol)
})
client.connect(url, protocol, 'http://peer.test')
