# An echo by Perl's Protocol::WebSocket: hixie-75, hixie-76, 8 and 13; a process for each connection.
use strict;
use warnings;
use IO::Socket::INET;
use Protocol::WebSocket::Frame;
use Protocol::WebSocket::Handshake::Server;

$SIG{CHLD} = 'IGNORE';
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0], Listen => 64, ReuseAddr => 1) or die $!;
while (my $socket = $listener->accept) {
    next if fork // die $!;
    serve($socket);
    exit;
}

sub serve {
    my ($socket) = @_;
    my ($handshake, $buffer) = (Protocol::WebSocket::Handshake::Server->new, '');
    until ($handshake->is_done) {
        $socket->sysread($buffer, 65536) or return;
        unless ($handshake->parse($buffer)) { warn $handshake->error, "\n"; return }
    }
    $socket->syswrite($handshake->to_string);
    my $version = $handshake->version;
    my $incoming = Protocol::WebSocket::Frame->new(version => $version, max_payload_size => 0);
    my $answer = sub {
        my ($type, $payload) = @_;
        my $bytes = Protocol::WebSocket::Frame->new(
            version => $version, type => $type, buffer => $payload, max_payload_size => 0)->to_bytes;
        for (my $sent = 0; $sent < length $bytes;) {
            $sent += $socket->syswrite($bytes, length($bytes) - $sent, $sent) // return;
        }
    };
    while ($socket->sysread(my $more, 65536)) {
        $incoming->append($more);
        while (defined(my $bytes = $incoming->next_bytes)) {
            my $opcode = $incoming->opcode;
            if ($opcode == 8) { $answer->('close', $bytes); return }
            if ($bytes =~ /^close:(\d+)$/ and $opcode == 1) { $answer->('close', pack('n', $1) . 'asked'); next }
            $answer->({1 => 'text', 2 => 'binary', 9 => 'pong'}->{$opcode}, $bytes) if $opcode != 10;
        }
    }
}
