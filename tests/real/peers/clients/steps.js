// What a client does, step by step, whatever the library: `play(adaptor)` sends what the command line says, prints
// what comes back as JSON lines, and closes. The adaptor has text, binary, ping and close.
const say = value => console.log(JSON.stringify(value))

exports.arguments = () => {
  const [url, draft, ...steps] = process.argv.slice(2)
  return { url, draft, steps, protocol: process.env.SUBPROTOCOL || undefined }
}

exports.play = (adaptor, steps) => {
  steps = [...steps]
  function next () {
    const step = steps.shift() ?? 'close:1000'
    const [kind, data] = [step.slice(0, step.indexOf(':')), step.slice(step.indexOf(':') + 1)]
    if (kind === 'text' || kind === 'last') adaptor.text(data)
    else if (kind === 'binary') adaptor.binary(Buffer.from(data, 'base64'))
    else if (kind === 'ping') adaptor.ping(Buffer.from(data))
    else if (kind === 'pause') setTimeout(next, Number(data))
    else if (kind === 'hear') return
    else if (kind === 'close') adaptor.close(Number(data))
    else throw new Error('no such step: ' + step)
  }
  return {
    opened (protocol) { say({ open: protocol || null }); next() },
    text (data) { say({ text: String(data) }); next() },
    binary (data) { say({ binary: Buffer.from(data).toString('base64') }); next() },
    pong (data) { say({ pong: String(data) }); next() },
    closed (code, reason) { say({ close: code ?? null, reason: String(reason ?? '') }); process.exit(0) },
    failed (error) { say({ error: String(error?.message ?? error) }); process.exit(1) }
  }
}
