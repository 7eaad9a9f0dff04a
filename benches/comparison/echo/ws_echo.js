// An echo on npm's ws: PORT [deflate].

const { WebSocketServer } = require("ws");

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  backlog: 4096,
  perMessageDeflate: process.argv[3] === "deflate",
});
server.on("connection", (peer) => {
  peer.on("message", (data, isBinary) => peer.send(data, { binary: isBinary }));
});
