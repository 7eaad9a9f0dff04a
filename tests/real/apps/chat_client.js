// People in a chat, each from an address of their own: says as JSON who heard what, and which process served whom.
const http = require('node:http')
const { once } = require('node:events')
const { io } = require('socket.io-client')

const [url, count, ...transports] = process.argv.slice(2)

async function enter (number) {
  const agent = new http.Agent({ localAddress: `127.0.1.${number}`, keepAlive: true })
  const socket = io(url, { transports, agent, reconnectionDelay: 50, reconnectionDelayMax: 200, forceNew: true })
  const person = { number, socket, heard: [], servers: [] }
  socket.on('said', text => person.heard.push(text))
  socket.on('welcome', server => person.servers.push(server))
  const [server] = await once(socket, 'welcome')
  person.first = server
  const last = transports.at(-1)
  while (socket.io.engine.transport.name !== last) await once(socket.io.engine, 'upgrade')
  return person
}

async function until (what, look) {
  const end = Date.now() + 20000
  while (!look()) {
    if (Date.now() > end) throw new Error(`not in time: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

// Everybody says something, and everybody hears all of it once.
async function talk (people, round) {
  await Promise.all(people.map(({ socket, number }) => socket.timeout(20000).emitWithAck('say', `${round}-${number}`)))
  const all = people.map(({ number }) => `${round}-${number}`).sort().join()
  const heard = person => person.heard.filter(text => text.startsWith(`${round}-`))
  await until(`all of ${round}`, () => people.every(person => heard(person).length >= people.length))
  return people.every(person => heard(person).sort().join() === all)
}

async function main () {
  const people = await Promise.all(Array.from({ length: Number(count) }, (_, number) => enter(number + 1)))
  const before = await talk(people, 'before')
  const [victim] = people
  victim.socket.emit('end')
  const moved = people.filter(({ first }) => first === victim.first)
  await until('who has to has moved', () => moved.every(({ servers }) => servers.length > 1 && servers.at(-1) !== victim.first))
  const after = await talk(people, 'after')
  const seen = people.map(({ number, first, servers }) => ({ address: `127.0.1.${number}`, first, servers }))
  console.log(JSON.stringify({ before, after, victim: victim.first, people: seen }))
  people.forEach(({ socket }) => socket.close())
  process.exit()
}

main().catch(error => { console.error(error); process.exit(1) })
