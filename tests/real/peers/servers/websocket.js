// An echo by npm's websocket: 8 and 13.
const http = require('http')
const { server: Server } = require('websocket')

const httpServer = http.createServer((request, response) => response.writeHead(404).end())
httpServer.listen(Number(process.argv[2]), '127.0.0.1')
const server = new Server({ httpServer, maxReceivedFrameSize: 8 << 20, maxReceivedMessageSize: 8 << 20 })
server.on('request', request => {
  const connection = request.accept(null, request.origin)
  connection.on('message', message => {
    const asked = message.type === 'utf8' && /^close:(\d+)$/.exec(message.utf8Data)
    if (asked) connection.close(Number(asked[1]), 'asked')
    else if (message.type === 'utf8') connection.sendUTF(message.utf8Data)
    else connection.sendBytes(message.binaryData)
  })
})
