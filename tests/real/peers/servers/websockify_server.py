"""websockify before a TCP echo of its own: 7, 8 and 13. What it sends is binary, whatever came."""

import socketserver
import sys
import threading

from websockify import WebSocketProxy


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)


socketserver.ThreadingTCPServer.daemon_threads = True
target = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo)
threading.Thread(target=target.serve_forever, daemon=True).start()
WebSocketProxy(listen_host="127.0.0.1", listen_port=int(sys.argv[1]), target_host="127.0.0.1",
               target_port=target.server_address[1]).start_server()
