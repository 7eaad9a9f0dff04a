# An echo by Ruby's em-websocket: hixie-75, hixie-76, 7, 8 and 13.
require 'em-websocket'

EM.run do
  EM::WebSocket.run(host: '127.0.0.1', port: ARGV[0].to_i) do |socket|
    socket.onmessage do |text|
      asked = /\Aclose:(\d+)\z/.match(text)
      asked ? socket.close(asked[1].to_i, 'asked') : socket.send_text(text)
    end
    socket.onbinary { |data| socket.send_binary(data) }
    socket.onerror { |error| warn(error.message) }
  end
end
