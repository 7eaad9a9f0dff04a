# The application behind Perl PSGI: hello, an echo of the body, its variables, a WebSocket echo.
use strict;
use warnings;

sub json_string {
    my $text = shift // '';
    $text =~ s/([\\"])/\\$1/g;
    $text =~ s/([^\x20-\x7e])/sprintf '\\u%04x', ord $1/ge;
    return qq("$text");
}

sub body_of {
    my $env = shift;
    my ($body, $left) = ('', $env->{CONTENT_LENGTH} || 0);
    while ($left > 0) {
        my $got = $env->{'psgi.input'}->read(my $piece, $left > 65536 ? 65536 : $left);
        last unless $got;
        $body .= $piece;
        $left -= $got;
    }
    return $body;
}

my $app = sub {
    my $env = shift;
    my $path = $env->{PATH_INFO};
    if ($path eq '/ws') {
        uwsgi::websocket_handshake($env->{HTTP_SEC_WEBSOCKET_KEY}, $env->{HTTP_ORIGIN} // '');
        my $binary = ($env->{QUERY_STRING} // '') =~ /binary/;
        while (1) {
            my $message = uwsgi::websocket_recv();
            $binary ? uwsgi::websocket_send_binary($message) : uwsgi::websocket_send($message);
        }
    }
    if ($path eq '/env') {
        my @pairs = map { json_string($_) . ':' . json_string($env->{$_}) } grep { !ref $env->{$_} } sort keys %$env;
        return [200, ['Content-Type' => 'application/json'], ['{' . join(',', @pairs) . '}']];
    }
    my $body = $path eq '/echo' ? body_of($env) : "hello\n";
    return [200, ['Content-Type' => 'text/plain', 'Content-Length' => length $body], [$body]];
};
