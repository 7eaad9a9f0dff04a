# The application behind Ruby rack: hello, an echo of the body, its variables, a WebSocket echo.
require 'json'

class Application
  def call(env)
    case env['PATH_INFO']
    when '/ws'
      UWSGI.websocket_handshake(env['HTTP_SEC_WEBSOCKET_KEY'], env['HTTP_ORIGIN'] || '')
      loop { UWSGI.websocket_send(UWSGI.websocket_recv) }
    when '/env'
      reply(JSON.generate(env.select { |_, value| value.is_a?(String) }), 'application/json')
    when '/echo'
      reply(env['rack.input'].read || '', 'application/octet-stream')
    else
      reply("hello\n", 'text/plain')
    end
  end

  def reply(body, type)
    [200, { 'Content-Type' => type, 'Content-Length' => body.bytesize.to_s }, [body]]
  end
end

run Application.new
