// Node before 6 hashed a string as its bytes; libraries of that time count on it.
const crypto = require('crypto')

const { createHash } = crypto
crypto.createHash = (...options) => {
  const hash = createHash(...options)
  const update = hash.update.bind(hash)
  hash.update = (data, encoding) => update(data, encoding ?? 'latin1')
  return hash
}
