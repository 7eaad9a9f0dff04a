// A client by npm's websocket-client 1.0.0, of 2011: hixie-76. It wants http.createClient, which Node has no more; the
// stand-in sends the head and key3 in segments of their own.
require('../latin1')
const net = require('net')
const http = require('http')
const { EventEmitter } = require('events')
const { arguments: read, play } = require('./steps')

process.noDeprecation = true
http.createClient = (port, host) => {
  const client = new EventEmitter()
  client.end = () => {}
  client.request = (path, headers) => {
    const stream = net.connect(port, host)
    stream.setNoDelay(true)
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
    stream.write([`GET ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n'))
    let head = Buffer.alloc(0)
    stream.on('data', function answer (data) {
      head = Buffer.concat([head, data])
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      stream.removeListener('data', answer)
      if (!head.toString('latin1').startsWith('HTTP/1.1 101 ')) return client.emit('error', new Error(head))
      client.emit('upgrade', {}, stream, head.subarray(end + 4))
    })
    stream.on('error', error => client.emit('error', error))
    stream.on('end', () => client.emit('error', new Error('the connection ended')))
    return { write: key3 => setTimeout(() => stream.write(key3, 'binary'), 30), end: () => {} }
  }
  return client
}

const { url, steps, protocol } = read()
const { WebSocket } = require('websocket-client')
const socket = new WebSocket(url, protocol, { origin: 'http://peer.test' })
const script = play({ text: data => socket.send(data), close: () => socket.close() }, steps)

socket.on('open', () => script.opened(protocol))
socket.on('data', script.text)
socket.on('close', () => script.closed())
socket.on('wserror', error => socket.readyState === socket.CLOSING ? script.closed() : script.failed(error))
