// An echo by npm's websocket-driver, the codec of Faye: hixie-75, hixie-76 and 13.
const net = require('net')
const driver = require('websocket-driver')

net.createServer(stream => {
  const socket = driver.server({ allowDrafts: true, maxLength: 8 << 20 })
  stream.on('error', () => stream.destroy())
  socket.on('connect', () => socket.start())
  socket.on('message', ({ data }) => {
    const asked = /^close:(\d+)$/.exec(data)
    if (asked) socket.close('asked', Number(asked[1]))
    else if (typeof data === 'string') socket.text(data)
    else socket.binary(data)
  })
  socket.on('close', () => stream.end())
  stream.pipe(socket.io).pipe(stream)
}).listen(Number(process.argv[2]), '127.0.0.1')
