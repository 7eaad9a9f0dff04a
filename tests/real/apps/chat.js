// A chat in two processes: two ports, one room. Says its ports; a process ends when somebody tells it to.
const cluster = require('node:cluster')
const http = require('node:http')
const { createAdapter, setupPrimary } = require('@socket.io/cluster-adapter')

function serve () {
  const { Server } = require('socket.io')
  const server = http.createServer((request, response) => response.end('a page'))
  const io = new Server(server, { pingInterval: 1000, pingTimeout: 2000 })
  io.adapter(createAdapter())
  io.on('connection', socket => {
    socket.emit('welcome', process.pid)
    socket.on('say', (text, told) => { io.emit('said', text); told() })
    socket.on('end', () => process.exit())
  })
  server.listen({ host: '127.0.0.1', port: 0, exclusive: true }, () => process.send({ port: server.address().port }))
}

function lead () {
  const ports = []
  setupPrimary()
  cluster.setupPrimary({ serialization: 'advanced' })
  for (const worker of [cluster.fork(), cluster.fork()]) {
    worker.on('message', ({ port }) => port && ports.push(port) === 2 && console.log(`ports ${ports.join(' ')}`))
  }
}

if (cluster.isPrimary) lead()
else serve()
