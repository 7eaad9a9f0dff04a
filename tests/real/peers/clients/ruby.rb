# A client by Ruby's websocket: hixie-75, hixie-76, 7, 8 and 13.
require 'base64'
require 'io/wait'
require 'json'
require 'socket'
require 'uri'
require 'websocket'

VERSIONS = { 'hixie-75' => 75, 'hixie-76' => 76, 'hybi-07' => 7, 'hybi-08' => 8, '13' => 13 }.freeze

$stdout.sync = true

def say(value)
  puts JSON.generate(value)
end

def fail_with(error)
  say(error: error.to_s)
  exit 1
end

class Client
  def initialize(url, draft)
    @draft, @version = draft, VERSIONS.fetch(draft)
    uri = URI(url)
    @socket = TCPSocket.new(uri.host, uri.port)
    @socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
    open(url)
  end

  # The library takes a handshake as whole when its head is; hixie-76 has 16 bytes behind it.
  def open(url)
    protocols = [ENV['SUBPROTOCOL']].compact
    handshake = WebSocket::Handshake::Client.new(url: url, version: @version, origin: 'http://peer.test', protocols: protocols)
    @socket.write(handshake.to_s)
    proof = @draft == 'hixie-76' ? 16 : 0
    data = ''.b
    data << @socket.readpartial(65_536) until (head = data.index("\r\n\r\n")) && (data.size >= head + 4 + proof || !data.include?(' 101 '))
    handshake << data.slice!(0, head + 4 + proof)
    fail_with(handshake.error || 'not valid') unless handshake.valid?
    say(open: handshake.headers['sec-websocket-protocol'] || handshake.headers['websocket-protocol'])
    @incoming = WebSocket::Frame::Incoming::Client.new(version: @version)
    @incoming << data
  end

  def send(type, data, **more)
    frame = WebSocket::Frame::Outgoing::Client.new(version: @version, type: type, data: data, **more)
    @socket.write(frame.to_s)
  end

  # The next message that is no ping, or nil at the end of the connection or of the time.
  def receive(seconds = nil)
    deadline = seconds && now + seconds
    loop do
      while (message = @incoming.next)
        return message unless message.type == :ping
        send(:pong, message.data)
      end
      fail_with(@incoming.error) if @incoming.error?
      return if deadline && !@socket.wait_readable([deadline - now, 0].max)
      @incoming << @socket.readpartial(65_536)
    end
  rescue EOFError, Errno::ECONNRESET
    nil
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  def show(message)
    fail_with('the connection ended') unless message
    return ended(message, asked: false) if message.type == :close
    data = message.data.to_s
    say(message.type => message.type == :binary ? Base64.strict_encode64(data) : data.dup.force_encoding('UTF-8'))
  end

  def ended(message, asked:)
    send(:close, '', code: message&.code) unless asked || message.nil?
    @socket.read
  rescue Errno::ECONNRESET
    nil
  ensure
    say(close: message&.code, reason: message ? message.data.to_s : '', clean: !message.nil?)
    exit!(0)
  end

  def close(code)
    if @draft == 'hixie-75'
      @socket.close_write
    else
      send(:close, '', code: code)
    end
    while (message = receive)
      ended(message, asked: true) if message.type == :close
    end
    ended(nil, asked: true)
  end

  def step(step)
    kind, data = step.split(':', 2)
    case kind
    when 'hear' then nil
    when 'text', 'ping' then send(kind, data)
    when 'binary' then send(kind, Base64.strict_decode64(data))
    when 'pause'
      message = receive(data.to_f / 1000)
      return message && show(message)
    when 'close' then close(data.to_i)
    when 'last'
      send(:text, data)
      message = receive
      return message ? show(message) : ended(nil, asked: true)
    end
    show(receive)
  end
end

begin
  url, draft, *steps = ARGV
  client = Client.new(url, draft)
  steps.each { |step| client.step(step) }
  client.close(1000)
rescue StandardError => error
  fail_with(error)
end
