//! Tests of what is said of faults, and that nothing a file can say is worse than a fault.

use proptest::prelude::*;

use super::*;

/// Lines in a file that is fine otherwise, and what is said of them, without the file's name.
const MESSAGES: &[(&str, &str)] = &[
    (
        "[tidegate]\nhtpp-to = a:1",
        "8:1: [tidegate] htpp-to: there is no such key; did you mean http-to?",
    ),
    ("[tidegate]\nbanana = 1", "8:1: [tidegate] banana: there is no such key"),
    (
        "[tidegate]\nserver = a:1",
        "8:1: [tidegate] server: there is no such key; it belongs in [upstream:NAME]",
    ),
    (
        "[tidegate]\nfor-glob = *.ini",
        "8:1: [tidegate] for-glob: there is no for-glob here: list the files, or write them into one and use for-readline",
    ),
    ("[tidegate]\nif-env = X\nnobody = reads", "8:1: if-env: the endif is missing"),
    ("[tidegate]\nendif", "8:1: endif: there is no block that this could belong to"),
    (
        "[tidegate]\nfor = a\nfor = b\nendfor",
        "9:1: for: blocks do not stand in each other; first comes the endfor of site.ini:8:1",
    ),
    (
        "[tidegate]\nfor = a b\nelse\nendfor",
        "9:1: else: there is no block that this could belong to",
    ),
    (
        "[tidegate]\nfor =\nx = %(_)\nendfor",
        "8:6: [tidegate] for = \"\": expected what it is about",
    ),
    (
        "[tidegate]\nfor-times = x\nendfor",
        "8:13: [tidegate] for-times = \"x\": expected a number from 0 to 10000",
    ),
    (
        "[tidegate]\nfor-readline = none\nendfor",
        "8:16: [tidegate] for-readline = \"none\": cannot be read: there is no such file",
    ),
    (
        "[tidegate]\nhttp-timeout = 30 sec",
        "8:16: [tidegate] http-timeout = \"30 sec\": expected a duration such as 30s, 5m or 250ms",
    ),
    (
        "[tidegate]\ntunnel-timeout = x",
        "8:18: [tidegate] tunnel-timeout = \"x\": expected a duration such as 30s, 5m or 250ms, or off",
    ),
    (
        "[tidegate]\ntunnel-timeout",
        "8:1: [tidegate] tunnel-timeout: expected a duration such as 10m, or off",
    ),
    (
        "[tidegate]\nmax-uri = 8kb",
        "8:11: [tidegate] max-uri = \"8kb\": expected a size such as 64k, 1m or 4096",
    ),
    (
        "[tidegate]\nmax-head = 2m",
        "8:12: [tidegate] max-head = \"2m\": expected a size from 256 to 64k",
    ),
    (
        "[tidegate]\nmax-fields = 257",
        "8:14: [tidegate] max-fields = \"257\": expected a number from 1 to 256",
    ),
    (
        "[tidegate]\nworkers = many",
        "8:11: [tidegate] workers = \"many\": expected auto or a number from 1 to 1024",
    ),
    (
        "[tidegate]\nhttp-raw-body = maybe",
        "8:17: [tidegate] http-raw-body = \"maybe\": expected true, on, yes or 1, or false, off, no or 0",
    ),
    (
        "[tidegate]\nhttp-manage-expect = x",
        "8:22: [tidegate] http-manage-expect = \"x\": expected on, off or a size such as 10m",
    ),
    (
        "[tidegate]\nhttp-var = x",
        "8:12: [tidegate] http-var = \"x\": expected NAME=VALUE, as in REALM=internal",
    ),
    (
        "[tidegate]\nhttp-var = a b=x",
        "8:12: [tidegate] http-var = \"a b=x\": expected a name of letters, digits and '_' before '='",
    ),
    (
        "[tidegate]\nhttp = :80",
        "8:8: [tidegate] http = \":80\": listened on already, from site.ini:2:8",
    ),
    (
        "[tidegate]\nhttp = 80",
        "8:8: [tidegate] http = \"80\": a port alone is written with a colon, as in :8080",
    ),
    (
        "[tidegate]\nhttp-to = web",
        "8:11: [tidegate] http-to = \"web\": an address needs a port, as in localhost:8080; a unix socket is written unix:/run/app.sock (for an [upstream:NAME]: default = uwsgi:NAME)",
    ),
    (
        "[tidegate]\ndefault = http:web",
        "8:11: [tidegate] default = \"http:web\": http-to at site.ini:3:11 takes what no rule takes already: keep one of them",
    ),
    (
        "[tidegate]\nhttp-to = a:1 ; main",
        "8:11: [tidegate] http-to = \"a:1 ; main\": a port is a number from 0 to 65535 (comments need a line of their own)",
    ),
    (
        "[tidegate]\nhttp-var = A=b ; c",
        "8:12: warning: [tidegate] http-var = \"A=b ; c\": what follows the ';' belongs to the value; comments need a line of their own",
    ),
    (
        "[tidegate]\nspool-dir = /%q",
        "8:14: [tidegate] spool-dir = \"/%q\": \"%q\" means nothing here: expected %(option), %d (directory), %s (file), %n (file without extension), %h (host) or %k (cores); a percent sign is %%",
    ),
    (
        "[tidegate]\nspool-dir = $(NO)",
        "8:13: [tidegate] spool-dir = \"$(NO)\": the environment variable NO is not set",
    ),
    (
        "[tidegate]\nx = 5q\nhttp-timeout = %(x)",
        "9:16: [tidegate] http-timeout = \"%(x)\" (which is \"5q\"): expected a duration such as 30s, 5m or 250ms",
    ),
    (
        "[tidegate]\nadmin = :80",
        "8:9: [tidegate] admin = \":80\": clients come in there, by site.ini:2:8",
    ),
    (
        "[tidegate]\nadmin = 10.0.0.1:9900",
        "8:9: warning: [tidegate] admin = \"10.0.0.1:9900\": whoever reaches that address may ask and close everything; expected one of this machine alone, as in unix:/run/tidegate/admin.sock or 127.0.0.1:9900",
    ),
    ("[tidegate]\nset-ph = x", "8:10: [tidegate] set-ph: expected NAME=VALUE"),
    (
        "[tidegate]\ninclude = none.ini",
        "8:11: [tidegate] include = \"none.ini\": cannot be read: there is no such file",
    ),
    (
        "[tidegate]\nlog-format = %(addr) %(core)",
        "8:22: [tidegate] log-format = \"%(addr) %(core)\": there is no %(core); did you mean code?",
    ),
    (
        "[tidegate]\nlog-level = loud",
        "8:13: [tidegate] log-level = \"loud\": expected error, warn, warning, info, debug or trace",
    ),
    (
        "[tidegate]\nwebsockets-mode = watch",
        "8:19: [tidegate] websockets-mode = \"watch\": expected pass, track or guard",
    ),
    (
        "[tidegate]\nwebsockets-drafts = 13, hybi-13",
        "8:25: [tidegate] websockets-drafts = \"13, hybi-13\": expected a list of hixie-75, hixie-76, hybi-07, hybi-08 and 13, or all",
    ),
    (
        "[tidegate]\nwebsockets-drafts = ,",
        "8:21: [tidegate] websockets-drafts = \",\": expected a list of hixie-75, hixie-76, hybi-07, hybi-08 and 13, or all",
    ),
    (
        "[tidegate]\nwebsockets-upstream-draft = all",
        "8:29: [tidegate] websockets-upstream-draft = \"all\": expected one of hixie-75, hixie-76, hybi-07, hybi-08 and 13, or same",
    ),
    (
        "[tidegate]\nwebsockets-protocol = chat su/per",
        "8:28: [tidegate] websockets-protocol = \"chat su/per\": expected names of letters, digits and any of !#$%&'*+-.^_`|~, as in binary base64",
    ),
    (
        "[tidegate]\nwebsockets-protocol = chat,chat",
        "8:28: [tidegate] websockets-protocol = \"chat,chat\": chat is listed twice",
    ),
    (
        "[tidegate]\nwebsockets-protocol",
        "8:1: [tidegate] websockets-protocol: expected names, as in binary base64",
    ),
    (
        "[tidegate]\nwebsockets-memory = 1k",
        "8:21: [tidegate] websockets-memory = \"1k\": expected a size from 64k to 1048576m",
    ),
    (
        "[tidegate]\nwebsockets-max-size = 65537",
        "8:23: warning: [tidegate] websockets-max-size = \"65537\": a message of that size does not fit in websockets-memory, 67108864 bytes; its sender is told 1013",
    ),
    (
        "[tidegate]\nwebsockets-memory = 1000k",
        "8:21: warning: [tidegate] websockets-memory = \"1000k\": a message of websockets-max-size, 1048576 bytes, does not fit in it; its sender is told 1013",
    ),
    (
        "[route:x]\npath = ^/\nto = echo:\nwebsockets-max-size = 100m",
        "10:23: warning: [route:x] websockets-max-size = \"100m\": a message of that size does not fit in websockets-memory, 67108864 bytes; its sender is told 1013",
    ),
    (
        "[tidegate]\nwebsockets-deflate = window",
        "8:22: [tidegate] websockets-deflate = \"window\": expected on, off or takeover",
    ),
    (
        "[tidegate]\nroute = ^/a tcp:web",
        "8:17: [tidegate] route = \"^/a tcp:web\": [upstream:web] has protocol = http; write http:web",
    ),
    (
        "[tidegate]\nroute = ^/a tcp:token:/etc/tokens",
        "8:23: [tidegate] route = \"^/a tcp:token:/etc/tokens\": expected a file and a token, as in tcp:token:/etc/tidegate/tokens,${qs[token]}",
    ),
    (
        "[tidegate]\nroute = ^/a echo:x",
        "8:18: [tidegate] route = \"^/a echo:x\": expected nothing behind echo:",
    ),
    (
        "[tidegate]\norigin = same, chat.example.com",
        "8:16: [tidegate] origin = \"same, chat.example.com\": expected *, same, null or origins such as https://chat.example.com",
    ),
    (
        "[tidegate]\nhttps = :443",
        "8:9: [tidegate] https = \":443\": expected ADDR,CERT,KEY[,CIPHERS[,[!]CLIENT_CA]], as in :443,/etc/tls/site.pem,/etc/tls/site.key",
    ),
    (
        "[tidegate]\nhttps = 443,a,b",
        "8:9: [tidegate] https = \"443,a,b\": a port alone is written with a colon, as in :8080",
    ),
    (
        "[tidegate]\nhttps = :443,a,,HIGH",
        "8:16: [tidegate] https = \":443,a,,HIGH\": expected ADDR,CERT,KEY[,CIPHERS[,[!]CLIENT_CA]], as in :443,/etc/tls/site.pem,/etc/tls/site.key",
    ),
    (
        "[tidegate]\nsni = a.example, a,b",
        "8:7: [tidegate] sni = \"a.example, a,b\": expected a name such as www.example.com, or *.example.com for one label before it",
    ),
    (
        "[tidegate]\nhttps = :443,a,b\nhttps-ciphers = TLS_AES_128_GCM_SHA256",
        "9:17: https-ciphers: none of them is for TLS 1.2; add one, or set https-versions",
    ),
    (
        "[tidegate]\nhttps-groups = X25519, X25519",
        "8:24: [tidegate] https-groups = \"X25519, X25519\": X25519 is listed twice",
    ),
    (
        "[tidegate]\nhttps-versions = 1.1 1.2",
        "8:18: [tidegate] https-versions = \"1.1 1.2\": expected any of 1.2 1.3",
    ),
    (
        "[tidegate]\nhttps-tickets = 8d",
        "8:17: [tidegate] https-tickets = \"8d\": expected a duration such as 30s, 5m or 250ms, or off",
    ),
    (
        "[tidegate]\nhttps-tickets = 169h",
        "8:17: [tidegate] https-tickets = \"169h\": expected a duration from 1m to 168h, or off",
    ),
    (
        "[tidegate]\nhttp-to-https = :80,99999",
        "8:21: [tidegate] http-to-https = \":80,99999\": expected a number from 1 to 65535",
    ),
    (
        "[tidegate]\nhttp-to-https = :80",
        "8:17: [tidegate] http-to-https = \":80\": listened on already, from site.ini:2:8",
    ),
    (
        "[tidegate]\ntrusted-proxies = 10.0.0.0/33",
        "8:19: [tidegate] trusted-proxies = \"10.0.0.0/33\": expected 0 to 32 bits behind the slash, or up to 128 for IPv6",
    ),
    (
        "[tidegate]\nproxy-protocol = unix, 10.0.0.1/8",
        "8:24: [tidegate] proxy-protocol = \"unix, 10.0.0.1/8\": bits are set behind those that count: the network is 10.0.0.0/8",
    ),
    (
        "[tidegate]\nroute-if = equal:${LISTENER};127.0.0.1:81 http:web",
        "8:12: ${LISTENER} is never 127.0.0.1:81; expected 0.0.0.0:80",
    ),
    (
        "[tidegate]\nchmod-socket = rw",
        "8:16: [tidegate] chmod-socket = \"rw\": expected permissions in octal digits, as in 660",
    ),
    (
        "[tidegate]\nchmod-socket = 4777",
        "8:16: [tidegate] chmod-socket = \"4777\": expected permissions in octal digits, as in 660",
    ),
    (
        "[tidegate]\nchown-socket = a:b:c",
        "8:16: [tidegate] chown-socket = \"a:b:c\": expected USER, USER:GROUP or :GROUP",
    ),
    (
        "[tidegate]\nuser =",
        "8:7: [tidegate] user = \"\": expected the name or number of a user, as in www-data",
    ),
    (
        "[tidegate]\nproxy-protocol = on",
        "8:18: [tidegate] proxy-protocol = \"on\": expected an address or a network, as in 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32",
    ),
    (
        "[tidegate]\nproxy-protocol =",
        "8:17: [tidegate] proxy-protocol = \"\": expected networks, as in 10.0.0.0/8, or unix",
    ),
    (
        "[tidegate]\nhttp-enable-proxy-protocol = true",
        "8:30: warning: [tidegate] http-enable-proxy-protocol = \"true\": whoever connects must say for whom, and may say anything; expected proxy-protocol with the networks of the proxies, as in proxy-protocol = 10.0.0.0/8",
    ),
    (
        "[tidegate]\nhttp-use-pattern = /s/%s",
        "8:1: [tidegate] http-use-pattern is not taken: where requests go is said by route, [route:NAME] and http-to",
    ),
    (
        "[tidegate]\nroute = ^/a",
        "8:12: [tidegate] route = \"^/a\": expected a space and an action behind the regex, as in ^/ws/ http:127.0.0.1:9000",
    ),
    (
        "[tidegate]\nroute =",
        "8:8: [tidegate] route = \"\": expected REGEX ACTION, as in ^/ws/ http:127.0.0.1:9000",
    ),
    (
        "[tidegate]\nroute-if = is-websocket:",
        "8:25: [tidegate] route-if = \"is-websocket:\": expected CONDITION ACTION, as in is-websocket: http:127.0.0.1:9000",
    ),
    (
        "[tidegate]\nroute-if = exists: http:web",
        "8:19: [tidegate] route-if = \"exists: http:web\": expected a path, as in exists:/srv/site${PATH_INFO}",
    ),
    (
        "[tidegate]\nroute-if = >=:${CONTENT_LENGTH};100 http:web",
        "8:12: [tidegate] route-if = \">=:${CONTENT_LENGTH};100 http:web\": there is no condition >=: here; numbers are compared with regexp:",
    ),
    (
        "[tidegate]\nroute-if = islink:/a http:web",
        "8:12: [tidegate] route-if = \"islink:/a http:web\": there is no condition islink: here; there are exists:, isfile: and isdir:",
    ),
    (
        "[route:x]\npath = ^/\nto = http:web\nmax-head = 32k",
        "10:12: [route:x] max-head = \"32k\": expected at most the main section's, 16384: a longer head never comes to a route",
    ),
    (
        "[tidegate]\nroute-if-not = is_websocket: http:web",
        "8:16: [tidegate] route-if-not = \"is_websocket: http:web\": there is no condition is_websocket:; did you mean is-websocket? (there are equal:A;B, startswith:A;B, endswith:A;B, contains:A;B, regexp:A;REGEX, empty:A, ipv4in:A;NETWORK,..., ipv6in:A;NETWORK,..., exists:PATH, isfile:PATH, isdir:PATH, is-websocket: and websocket-draft:NAME)",
    ),
    (
        "[tidegate]\nroute-if = is-websocket:on http:web",
        "8:25: [tidegate] route-if = \"is-websocket:on http:web\": expected nothing behind the colon",
    ),
    (
        "[tidegate]\nroute-if = websocket-draft:14 http:web",
        "8:28: [tidegate] route-if = \"websocket-draft:14 http:web\": expected one of hixie-75, hixie-76, hybi-07, hybi-08 and 13",
    ),
    (
        "[tidegate]\nroute-if = is-websocket: http:web,,/$1",
        "8:26: [tidegate] route-if = \"is-websocket: http:web,,/$1\": $1 is asked for, but there is no regex to capture it",
    ),
    (
        "[route:x]\nwebsocket-draft = 12\nto = http:web",
        "8:19: [route:x] websocket-draft = \"12\": expected one of hixie-75, hixie-76, hybi-07, hybi-08 and 13",
    ),
    (
        "[route:x]\nwebsocket-draft = 13\nis-websocket = off\nto = http:web",
        "7:1: [route:x]: what is no WebSocket has no websocket-draft: this never matches",
    ),
    (
        "[tidegate]\nroute = ^/a http:wbe",
        "8:18: [tidegate] route = \"^/a http:wbe\": there is no [upstream:wbe]; did you mean web? (an address has a port, as in 127.0.0.1:9000)",
    ),
    (
        "[tidegate]\nroute = ^/a uwsgi:web",
        "8:19: [tidegate] route = \"^/a uwsgi:web\": [upstream:web] has protocol = http; write http:web",
    ),
    (
        "[tidegate]\nroute = ^/a ath:news",
        "8:13: [tidegate] route = \"^/a ath:news\": there is no action ath:; did you mean auth? (there are uwsgi:, http:, https:, tcp:, tcps:, echo:, static:, file:, channel:, publish:, last:, continue:, goto:, redirect:, redirect-301:, break:, return:, send:, rewrite:, addheader:, delheader:, addrequestheader:, addvar:, allow:, deny:, hsts:, log:, donotlog:, auth:, basicauth:, basicauth-next: and limit:)",
    ),
    ("[uwsgi]\nhttp-foo = 1", "8:1: [uwsgi] http-foo: there is no such key; did you mean http-to?"),
    ("[uwsgi]\nhtpp = 1", "8:1: warning: [uwsgi] htpp: skipped; did you mean http?"),
    (
        "[uwsgi]\nuid = www-data",
        "8:1: warning: [uwsgi] uid = \"www-data\": it is the app server's; for tidegate write user and group",
    ),
    (
        "[uwsgi]\nresponse-route = ^/ log:x",
        "8:1: [uwsgi] response-route: there is no response-route here: response headers are changed by addheader: and delheader:",
    ),
    (
        "[tidegate]\nroute-if = equal:a http:a:1",
        "8:18: [tidegate] route-if = \"equal:a http:a:1\": expected two texts with a ';' between them, as in equal:${HTTP_X_TENANT};blue",
    ),
    (
        "[tidegate]\nroute-if = contains:${HTTP_A};$1 http:a:1",
        "8:31: [tidegate] route-if = \"contains:${HTTP_A};$1 http:a:1\": $1 is captured by no regex before this",
    ),
    (
        "[tidegate]\nroute-if = ipv4in:${REMOTE_ADDR};10.0.0.0/8,10.0.0.1/8 http:a:1",
        "8:45: [tidegate] route-if = \"ipv4in:${REMOTE_ADDR};10.0.0.0/8,10.0.0.1/8 http:a:1\": bits are set behind those that count: the network is 10.0.0.0/8",
    ),
    (
        "[tidegate]\nroute-if = ipv4in:${REMOTE_ADDR};::1 http:a:1",
        "8:34: [tidegate] route-if = \"ipv4in:${REMOTE_ADDR};::1 http:a:1\": expected networks of IPv4, as in ipv4in:${REMOTE_ADDR};10.0.0.0/8",
    ),
    (
        "[tidegate]\nroute-if = empty:${X} http:a:1",
        "8:12: nothing says what ${X} is: expected addvar:X=... or http-var = X=...",
    ),
    (
        "[tidegate]\nroute-label = a\nroute-label = a",
        "9:15: route-label = a is there already, at site.ini:8:15",
    ),
    (
        "[tidegate]\nroute-label = a\nroute-run = goto:a",
        "9:18: [tidegate] route-run = \"goto:a\": route-label = a stands above: goto: leads only forward",
    ),
    (
        "[route:x]\nif = equal:a\nto = http:web",
        "8:12: [route:x] if = \"equal:a\": expected two texts with a ';' between them, as in equal:${HTTP_X_TENANT};blue",
    ),
    (
        "[route:x]\nto = http:web",
        "7:1: [route:x]: expected a condition such as path = ^/ws/ (what takes all the rest is default)",
    ),
    ("[route:x]\npath = ^/", "7:1: [route:x]: expected an action, as in to = http:127.0.0.1:9000"),
    (
        "[route:x]\npath =\nto = http:web",
        "8:7: [route:x] path = \"\": expected a regex such as ^/ws/",
    ),
    (
        "[route:x]\npath = ^/\nto = http:web\ntimeout = 30 sec",
        "10:11: [route:x] timeout = \"30 sec\": expected a duration such as 30s, 5m or 250ms",
    ),
    (
        "[route:x]\npath = ^/\nto = http:web\nhttp = :81",
        "10:1: [route:x] http: there is no such key; it belongs in [tidegate]",
    ),
    ("[route:a b]", "7:1: [route:a b]: expected a name of letters, digits, '-', '_' and '.'"),
    ("[upstream:web]", "7:1: [upstream:web] is there already, at site.ini:4:1"),
    (
        "[upstream:y]",
        "7:1: [upstream:y]: expected at least one server, as in server = 127.0.0.1:9000",
    ),
    ("[upstream:y]\nserver = a:1", "7:1: warning: [upstream:y]: no action names it"),
    (
        "[upstream:y]\nserver = a:1\nserver = a:1\n[route:x]\nhost=x\nto=http:y",
        "9:10: warning: [upstream:y] server \"a:1\" is listed twice",
    ),
    (
        "[upstream:y]\nserver = a:1 weight=0",
        "8:14: [upstream:y] server = \"a:1 weight=0\": expected a weight from 1 to 1000",
    ),
    (
        "[upstream:y]\nserver = a:1 b",
        "8:14: [upstream:y] server = \"a:1 b\": expected weight=N, max=N or backup behind the address",
    ),
    (
        "[upstream:y]\nserver = a:1\nprotocol = tls",
        "9:12: [upstream:y] protocol = \"tls\": expected http, https, uwsgi, tcp or tcps",
    ),
    (
        "[upstream:y]\nserver = /run/y\nprotocol = https",
        "8:10: [upstream:y]: the address unix:/run/y has no name for a certificate; expected verify-name, as in verify-name = app.internal",
    ),
    (
        "[upstream:y]\nserver = a:1\nca = /ca.pem",
        "9:6: [upstream:y]: ca is for protocol = https or tcps, which is http",
    ),
    (
        "[upstream:y]\nserver = a:1\nprotocol = https\nclient-cert = /a.pem",
        "10:15: [upstream:y] client-cert = \"/a.pem\": expected CERT,KEY, as in /etc/tls/router.pem,/etc/tls/router.key",
    ),
    (
        "[upstream:y]\nserver = a:1\nprotocol = tcp\nsend-proxy = v3",
        "10:14: [upstream:y] send-proxy = \"v3\": expected v1 or v2",
    ),
    (
        "[upstream:y]\nserver = a:1\nbalance = hash:${SID}",
        "7:1: [upstream:y] balance: nothing says what ${SID} is: expected addvar:SID=... or http-var = SID=...",
    ),
    (
        "[upstream:y]\nserver = a:1\nhealth = GET /healthz often",
        "9:23: [upstream:y] health = \"GET /healthz often\": expected a status such as 200 or 200-399, or every, timeout, fall, rise or host and its value",
    ),
    (
        "[upstream:y]\nserver = a:1\nprotocol = tcp\nhealth = GET /healthz",
        "10:10: [upstream:y]: health with protocol = tcp can only ask for a connection, as in health = tcp every 5s",
    ),
    (
        "[upstream:y]\nserver = a:1\nslow-start = soon",
        "9:14: [upstream:y] slow-start = \"soon\": expected a duration such as 30s, 5m or 250ms, or off",
    ),
    (
        "[upstream:y]\nserver = a:1\nbalance = fair",
        "9:11: [upstream:y] balance = \"fair\": expected round-robin, least, random-2 or hash: and a variable, as in hash:${REMOTE_ADDR}",
    ),
    (
        "[rout:x]",
        "7:1: [rout:x]: expected [tidegate], [uwsgi], [upstream:NAME] or [route:NAME]; did you mean [route:NAME]?",
    ),
    (
        "[banana]\nx = y",
        "7:1: [banana]: expected [tidegate], [uwsgi], [upstream:NAME] or [route:NAME]",
    ),
];

#[test]
fn messages() {
    const FINE: &str = "[tidegate]\nhttp = :80\nhttp-to = x:1\n[upstream:web]\nserver = w:1\n\
                        server = w:2\n";
    let used = "\n[route:used]\npath = used\nto = http:web\n";
    for (lines, said) in MESSAGES {
        let text = format!("{FINE}{lines}{used}");
        let (_, problems) = parse(text.as_bytes(), "site.ini", &Surroundings::none());
        let problems: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(problems, [format!("site.ini:{said}")], "{lines}");
    }
}

const LINES: [&str; 12] = [
    "[tidegate]",
    "[uwsgi]",
    "[route:r]",
    "[upstream:u]",
    "http = :80",
    "a = %(b)",
    "b = %(a)$(X)",
    "route = ^/%% http:u,$1,/$2",
    "to = uwsgi:",
    "server = é:1",
    "include = a",
    "http-keepalive",
];

proptest! {
    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        parse(&bytes, "a.ini", &Surroundings::none());
    }

    #[test]
    fn no_lines_panic(
        lines in proptest::collection::vec(
            prop_oneof![proptest::sample::select(&LINES[..]).prop_map(String::from), ".{0,30}"],
            0..20,
        )
    ) {
        let text = lines.join("\n");
        for problem in parse(text.as_bytes(), "a.ini", &Surroundings::none()).1 {
            let line = problem.place.map_or(0, |place| place.line);
            prop_assert!(line as usize <= text.split('\n').count());
        }
    }

    #[test]
    fn places_point_at_the_line(
        before in proptest::collection::vec("(;.{0,9}|[ \t]{0,3}|http-var = É=%%x|\r)", 0..9),
        which in 0..MESSAGES.len(),
    ) {
        let filler = before.iter().filter(|line| !line.contains('É'));
        let head: String = filler.map(|line| format!("{}\n", line.trim_end_matches('\r'))).collect();
        let text = format!("[tidegate]\nhttp = :80\nhttp-to = x:1\n[upstream:web]\nserver = w:1\n\
                            server = w:2\n{head}{}", MESSAGES[which].0);
        let shift = head.matches('\n').count() as u32;
        let (_, problems) = parse(text.as_bytes(), "site.ini", &Surroundings::none());
        let line: u32 = MESSAGES[which].1.split(':').next().unwrap().parse().unwrap();
        let found = problems.iter().any(|p| p.place.as_ref().is_some_and(|p| p.line == line + shift));
        prop_assert!(found, "{text}\n{problems:?}");
    }
}
