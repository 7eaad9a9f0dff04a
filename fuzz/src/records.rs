//! TLS: records of an open connection give the bytes that were sealed, in order, and nothing else.
//!
//! An input is a script for a client that has the keys: it seals what it likes, changes what it sealed, and puts bytes of its own
//! in between. See [`Step`].

mod sealing;

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::crypto::aws_lc_rs::{cipher_suite as suites, default_provider};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedCipherSuite};
use tidegate::base::{Millis, Place};
use tidegate::buf::{Pool, Rx, Tx};
use tidegate::reactor::tls::{
    Acceptor, Agreement, Handshake, Named, Presented, Progress, Records, Scratch, Terms, Tickets,
    TrafficLog, build,
};
use tidegate::reactor::{Ending, Filled, Kind, Readiness, Stream};

use sealing::{Sealing, Secret};

const DATA: u8 = 23;
const SUITES: [SupportedCipherSuite; 4] = [
    suites::TLS13_AES_128_GCM_SHA256,
    suites::TLS13_CHACHA20_POLY1305_SHA256,
    suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];
/// Steps of a script that count.
const STEPS: usize = 64;

/// What the client does next. The first byte of an input chooses a suite, the second how the wire is cut.
enum Step<'a> {
    /// Seals so many bytes of data.
    Data(usize),
    /// Seals this as content of some kind.
    Content(u8, &'a [u8]),
    /// Says that it goes on to its next keys, and does.
    Update(u8),
    /// Sends bytes as they are.
    Raw(&'a [u8]),
    /// Changes a byte of what it sealed last.
    Flip(u8),
    /// Sends what it sealed last once more.
    Again,
}

struct Script<'a> {
    suite: usize,
    cut: usize,
    steps: Vec<Step<'a>>,
}

impl<'a> Script<'a> {
    fn read(data: &'a [u8]) -> Option<Script<'a>> {
        let [suite, cut, rest @ ..] = data else { return None };
        let mut rest = rest;
        let mut steps = Vec::new();
        while let Some((step, behind)) = read_step(rest).filter(|_| steps.len() < STEPS) {
            steps.push(step);
            rest = behind;
        }
        Some(Script { suite: usize::from(*suite) % SUITES.len(), cut: usize::from(*cut), steps })
    }
}

fn read_step(data: &[u8]) -> Option<(Step<'_>, &[u8])> {
    let (kind, rest) = data.split_first()?;
    Some(match (kind % 6, rest) {
        (0, [high, low, rest @ ..]) => {
            (Step::Data(usize::from(u16::from_be_bytes([*high, *low])) % 18_000), rest)
        }
        (1, [content, len, rest @ ..]) => {
            let (payload, rest) = rest.split_at_checked(usize::from(*len))?;
            (Step::Content(*content, payload), rest)
        }
        (2, [asked, rest @ ..]) => (Step::Update(*asked), rest),
        (3, [len, rest @ ..]) => {
            let (bytes, rest) = rest.split_at_checked(usize::from(*len))?;
            (Step::Raw(bytes), rest)
        }
        (4, [at, rest @ ..]) => (Step::Flip(*at), rest),
        (5, rest) => (Step::Again, rest),
        _ => return None,
    })
}

/// What was read, and how it ended.
#[derive(PartialEq, Eq, Debug)]
struct Outcome {
    read: Vec<u8>,
    end: String,
}

/// Whatever comes, only bytes that were sealed as data are read, in their order; and how the wire is cut changes nothing.
pub fn tls_records(data: &[u8]) {
    let Some(script) = Script::read(data) else { return };
    let (whole, sealed, honest) = play(&script, 0);
    assert!(sealed.starts_with(&whole.read), "nothing is read that was not sealed");
    if honest {
        assert!(sealed == whole.read, "and all that was, when nobody disturbs: {}", whole.end);
    }
    let (cut, ..) = play(&script, script.cut + 1);
    assert!(cut.read == whole.read, "{} and {} bytes", cut.read.len(), whole.read.len());
    assert_eq!(cut.end, whole.end);
}

/// One connection, its wire in pieces of `cut` bytes (0: step by step); what was sealed as data, and whether nothing else was sent.
fn play(script: &Script<'_>, cut: usize) -> (Outcome, Vec<u8>, bool) {
    let (mut ours, mut keys) = Ours::open(SUITES[script.suite]);
    let (mut sealed, mut wire, mut last) = (Vec::new(), Vec::new(), Vec::new());
    let mut honest = true;
    for step in &script.steps {
        let said = match *step {
            Step::Data(len) => {
                let start = sealed.len();
                sealed.extend((0..len).map(|at| ((start + at) % 251) as u8));
                // An empty record is legal, too many are not; so is one that is too long.
                honest &= len > 0 && len <= 1 << 14;
                keys.seal(DATA, &sealed[start..])
            }
            Step::Content(kind, payload) => {
                if kind == DATA {
                    sealed.extend_from_slice(payload);
                }
                // With a kind of 0 all of it is padding, and what stands before that is the kind.
                let padded = payload.iter().rposition(|byte| *byte != 0);
                if let (0, Some(at)) = (kind, padded)
                    && payload[at] == DATA
                {
                    sealed.extend_from_slice(&payload[..at]);
                }
                honest = false;
                keys.seal(kind, payload)
            }
            Step::Update(asked) => {
                honest = false;
                let said = keys.seal(22, &[24, 0, 0, 1, asked]);
                keys.update();
                said
            }
            Step::Raw(bytes) => {
                honest = false;
                bytes.to_vec()
            }
            Step::Flip(at) => {
                honest = false;
                let mut changed = last.clone();
                if let Some(byte) = changed.get_mut(usize::from(at)) {
                    *byte ^= 1;
                }
                changed
            }
            Step::Again => {
                honest = false;
                last.clone()
            }
        };
        if cut == 0 {
            ours.arrive(&said);
        }
        wire.extend_from_slice(&said);
        last = said;
    }
    if cut > 0 {
        wire.chunks(cut).for_each(|piece| ours.arrive(piece));
    }
    (ours.end(), sealed, honest)
}

/// Our end of a connection, and the socket at the other one.
struct Ours {
    records: Records,
    stream: Stream,
    socket: UnixStream,
    ready: Readiness,
    rx: Rx,
    pool: Pool,
    scratch: Scratch,
    read: Vec<u8>,
    end: Option<String>,
}

impl Ours {
    /// After a handshake, with the keys of the other end.
    fn open(suite: SupportedCipherSuite) -> (Ours, Sealing) {
        let (acceptor, config) = site(suite);
        let (stream, mut socket) = UnixStream::pair().expect("a pair");
        for end in [&stream, &socket] {
            end.set_nonblocking(true).expect("a socket");
        }
        let stream = Stream::new(stream.into(), Kind::Unix);
        let mut client = ClientConnection::new(config, "localhost".try_into().expect("a name"))
            .expect("a client");
        let (pool, mut rx, mut ready) = (Pool::new(8 << 20), Rx::default(), Readiness::OPEN);
        let mut handshake = Handshake::accept(acceptor);
        let secret = Secret::default();
        let records = loop {
            secret.told_while(|| exchange(&mut client, &mut socket));
            ready.readable = true;
            match handshake.advance(&stream, &mut ready, &mut rx, &pool) {
                Progress::Waiting => {}
                Progress::Open(open) => break open.0,
                Progress::Failed(fault) => panic!("{fault}"),
            }
        };
        let mut ours = Ours {
            records,
            stream,
            socket,
            ready,
            rx,
            pool,
            scratch: Scratch::default(),
            read: Vec::new(),
            end: None,
        };
        ours.flush();
        exchange(&mut client, &mut ours.socket);
        let keys = client.dangerous_extract_secrets().expect("its keys");
        (ours, Sealing::new(keys.tx, secret.take()))
    }

    /// Lets bytes come in, and reads all there is.
    fn arrive(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(16_384) {
            if self.end.is_some() {
                return;
            }
            self.socket.write_all(piece).expect("room in the socket");
            self.read_all();
        }
    }

    fn read_all(&mut self) {
        self.ready.readable = true;
        while self.end.is_none() {
            let Ours { records, stream, ready, rx, scratch, pool, .. } = self;
            let filled = records.fill(stream, ready, rx, scratch, pool);
            while !self.rx.is_empty() {
                self.read.extend_from_slice(self.rx.bytes());
                self.rx.consume(self.rx.bytes().len());
            }
            self.flush();
            let mut forgotten = [0; 4096];
            while self.socket.read(&mut forgotten).is_ok_and(|n| n > 0) {}
            match filled {
                Ok(Filled::Bytes(_)) => self.ready.readable = true,
                Ok(Filled::Nothing) => return,
                Ok(end) => self.end = Some(format!("{end:?}")),
                Err(fault) => self.end = Some(fault.to_string()),
            }
        }
    }

    /// Sends what there is to say.
    fn flush(&mut self) {
        self.ready.writable = true;
        let Ours { records, stream, ready, scratch, pool, .. } = self;
        records.flush(stream, ready, &mut Tx::default(), scratch, pool, Millis(5));
        records.settle(pool);
    }

    /// The client is gone without a word.
    fn end(mut self) -> Outcome {
        let _ = self.socket.shutdown(Shutdown::Write);
        self.ready.end = Ending::Closing;
        self.read_all();
        let end = self.end.expect("an end");
        Outcome { read: self.read, end }
    }
}

/// Passes on what either end has to say.
fn exchange(client: &mut ClientConnection, socket: &mut UnixStream) {
    while client.wants_write() {
        client.write_tls(socket).expect("room in the socket");
    }
    loop {
        match client.read_tls(socket) {
            Ok(0) => return,
            Ok(_) => _ = client.process_new_packets().expect("a handshake"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    while client.wants_write() {
        client.write_tls(socket).expect("room in the socket");
    }
}

/// What both ends are made of, made once.
fn site(suite: SupportedCipherSuite) -> (Arc<Acceptor>, Arc<ClientConfig>) {
    static SITE: OnceLock<(Arc<Acceptor>, CertificateDer<'static>)> = OnceLock::new();
    let (acceptor, certificate) = SITE.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a pair");
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: String| {
            let path: PathBuf = folder.path().join(name);
            std::fs::write(&path, text).expect("a file");
            Named { path, place: Place { file: "fuzz".into(), line: 0, column: 0 } }
        };
        let certificate = file("certificate", made.cert.pem());
        let key = file("key", made.signing_key.serialize_pem());
        let terms = Terms {
            listener: ":443".into(),
            own: Presented { certificate, key, clients: None },
            named: Vec::new(),
            agreement: Agreement::default(),
            tickets: None,
            lists: Vec::new(),
        };
        let mut problems = Vec::new();
        let built = build(&[terms], &Tickets::default(), Arc::new(TrafficLog), &mut problems);
        let acceptors = built.acceptors.unwrap_or_else(|| panic!("{problems:?}"));
        (Arc::clone(&acceptors[0]), made.cert.der().clone())
    });
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).expect("a root");
    let mut provider = default_provider();
    provider.cipher_suites = vec![suite];
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[suite.version()])
        .expect("a version")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.enable_secret_extraction = true;
    config.key_log = Arc::new(sealing::Log);
    (Arc::clone(acceptor), Arc::new(config))
}
