# A client by Perl's Protocol::WebSocket: hixie-75, hixie-76, 8 and 13. Its hixie-76 has a Content-Length of 8.
use strict;
use warnings;
use utf8;
use Encode qw(decode encode);
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64;
use Time::HiRes qw(time);
use Protocol::WebSocket::Frame;
use Protocol::WebSocket::Handshake::Client;

my %VERSIONS = ('hixie-75' => 'draft-hixie-75', 'hixie-76' => 'draft-ietf-hybi-00',
    'hybi-08' => 'draft-ietf-hybi-10', '13' => 'draft-ietf-hybi-17');

my ($url, $draft, @steps) = map { decode('UTF-8', $_) } @ARGV;
my $version = $VERSIONS{$draft} or die "no such draft: $draft\n";
my $hixie = $draft =~ /^hixie/;
my ($host, $port) = $url =~ m{^ws://([^:/]+):(\d+)};
$| = 1;

sub say_line { print JSON::PP->new->utf8->allow_nonref->encode($_[0]), "\n" }
sub fail { say_line({error => "$_[0]"}); exit 1 }

my $socket = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port) or fail("no connection: $!");
my $handshake = Protocol::WebSocket::Handshake::Client->new(url => $url, version => $version);
$handshake->req->origin('http://peer.test');
$handshake->req->subprotocol($ENV{SUBPROTOCOL}) if $ENV{SUBPROTOCOL};
$socket->syswrite($handshake->to_string);

my $buffer = '';
until ($handshake->is_done) {
    $socket->sysread($buffer, 65536) or fail('the connection ended inside the handshake');
    $handshake->parse($buffer) or fail($handshake->error);
}
say_line({open => $handshake->res->subprotocol});

my $incoming = Protocol::WebSocket::Frame->new(version => $version, max_payload_size => 0);
$incoming->append($buffer);

sub frame {
    my ($type, $payload) = @_;
    my $frame = Protocol::WebSocket::Frame->new(
        version => $version, type => $type, buffer => $payload, masked => 1, max_payload_size => 0);
    my $bytes = $frame->to_bytes;
    for (my $sent = 0; $sent < length $bytes;) {
        $sent += $socket->syswrite($bytes, length($bytes) - $sent, $sent) // fail("not sent: $!");
    }
}

# The next message that is no ping, as [type, bytes], or nothing at the end of the connection or of the time.
sub receive {
    my ($until) = @_;
    while (1) {
        while (defined(my $bytes = $incoming->next_bytes)) {
            my $type = {1 => 'text', 2 => 'binary', 8 => 'close', 9 => 'ping', 10 => 'pong'}->{$incoming->opcode};
            return [$type, $bytes] if $type ne 'ping';
            frame('pong', $bytes);
        }
        return if $until and not IO::Select->new($socket)->can_read($until > time ? $until - time : 0);
        $socket->sysread(my $more, 65536) or return;
        $incoming->append($more);
    }
}

sub show {
    my ($type, $bytes) = @{$_[0] or fail('the connection ended')};
    return ended($bytes) if $type eq 'close';
    say_line({$type => $type eq 'binary' ? encode_base64($bytes, '') : decode('UTF-8', $bytes, Encode::FB_CROAK)});
}

# Prints the Close that came, and answers it where it was not ours first.
sub ended {
    my ($payload, $asked) = @_;
    frame('close', $payload) unless $asked;
    1 while $socket->sysread(my $rest, 65536);
    my $code = length $payload ? unpack('n', $payload) : undef;
    say_line({close => $code, reason => length $payload ? substr($payload, 2) : '', clean => JSON::PP::true});
    exit 0;
}

sub finish {
    my ($code) = @_;
    if ($draft eq 'hixie-75') {
        $socket->shutdown(1);
    } else {
        frame('close', $hixie ? '' : pack('n', $code));
    }
    while (my $message = receive()) {
        ended($message->[1], 1) if $message->[0] eq 'close';
    }
    say_line({close => undef, reason => '', clean => JSON::PP::false});
    exit 0;
}

for (@steps) {
    my ($kind, $data) = /^(\w+):(.*)$/s or fail("no such step: $_");
    if ($kind eq 'text' or $kind eq 'ping') { frame($kind, encode('UTF-8', $data)); show(receive()) }
    elsif ($kind eq 'hear') { show(receive()) }
    elsif ($kind eq 'binary') { frame($kind, decode_base64($data)); show(receive()) }
    elsif ($kind eq 'close') { finish($data) }
    elsif ($kind eq 'pause') { my $message = receive(time + $data / 1000); show($message) if $message }
    elsif ($kind eq 'last') {
        frame('text', encode('UTF-8', $data));
        my $message = receive();
        show($message) if $message;
        say_line({close => undef, reason => '', clean => JSON::PP::false});
        exit 0;
    }
    else { fail("no such step: $_") }
}
finish(1000);
