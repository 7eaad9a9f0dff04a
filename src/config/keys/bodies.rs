//! Keys about heads, bodies and the uwsgi packet.

use super::super::model::MAX_FIELDS;
use super::super::settings::{CertificateHeader, ManageExpect, Settings};
use super::super::units::word_flag;
use super::super::value::{Fault, Value};
use super::{Group, Kind, Outcome, Set, key};

/// What a connection's window holds of a head.
const HEAD_MAX: u64 = 64 << 10;

pub(super) const GROUP: Group = Group {
    title: "Bodies and limits",
    intro: "",
    keys: &[
        key("max-uri", Kind::Size, Set::Settings(|settings, value| {
            settings.limits.max_uri = value.size_within(64..=HEAD_MAX)?;
            Ok(())
        }))
        .default("8k")
        .says("longest request target, else 414")
        .example("4k"),
        key("max-head", Kind::Size, Set::Settings(|settings, value| {
            settings.limits.max_head = value.size_within(256..=HEAD_MAX)?;
            Ok(())
        }))
        .default("16k")
        .says("longest request head, at most 64k, else 431")
        .example("8k"),
        key("max-fields", Kind::Number, Set::Settings(|settings, value| {
            settings.limits.max_fields = value.number(1..=MAX_FIELDS as u64)? as usize;
            Ok(())
        }))
        .default("100")
        .says("most header fields of a request, at most 256, else 431")
        .example("50"),
        key("max-body", Kind::Size, Set::Settings(|settings, value| {
            settings.max_body = if word_flag(value.text()) == Some(false) || value.text() == "none" {
                None
            } else {
                Some(value.size()?)
            };
            Ok(())
        }))
        .default("none")
        .says("longest request body, else 413")
        .example("100m"),
        key("http-raw-body", Kind::Flag, Set::Settings(|settings, value| {
            settings.raw_body = value.flag()?;
            Ok(())
        }))
        .default("off")
        .says(
            "after the head everything is passed raw both ways, to HTTP servers as far as the body goes; \
             the upstream connection is used once and the client's closes after it",
        )
        .example("on"),
        key("http-chunked-input", Kind::Flag, Set::Settings(|settings, value| {
            settings.chunked_input = value.flag()?;
            Ok(())
        }))
        .default("off")
        .says("chunked bodies keep their framing towards uwsgi servers (`uwsgi.chunked_read()`)")
        .example("on"),
        key("http-buffer-size-max", Kind::Size, Set::Settings(|settings, value| {
            settings.buffer_size_max = value.size_within(1..=1 << 30)? as u64;
            Ok(())
        }))
        .default("64k")
        .says("memory for a body that has to be buffered; the rest goes to a temporary file")
        .example("256k"),
        key("spool-max", Kind::Size, Set::Settings(|settings, value| {
            settings.spool_max = value.size()?;
            Ok(())
        }))
        .default("64m")
        .says("longest body that is buffered, memory and file together, else 413")
        .example("1g"),
        key("spool-dir", Kind::Path, Set::Main(|draft, value| {
            draft.config.spool_dir = Some(value.filled("expected a directory")?.into());
            Ok(())
        }))
        .unset("the system's")
        .says("directory of the temporary files")
        .example("/var/tmp"),
        key("http-manage-expect", Kind::FlagOrSize, Set::Settings(|settings, value| {
            settings.manage_expect = manage_expect(value)?;
            Ok(())
        }))
        .default("on")
        .says("we answer `Expect: 100-continue`; with a size, a larger body gets 413")
        .example("10m"),
        key("http-auto-chunked", Kind::Flag, Set::Settings(|settings, value| {
            settings.auto_chunked = value.flag()?;
            Ok(())
        }))
        .default("on")
        .says("responses without a length are chunked towards HTTP/1.1 clients, which stay connected")
        .example("off"),
        key("http-var", Kind::Pair, Set::Settings(variable))
            .list()
            .says("adds a variable to the uwsgi packet")
            .example("REALM=internal"),
        key("https-export-cert", Kind::Flag, Set::Settings(|settings, value| {
            settings.export_certificate = value.flag()?;
            Ok(())
        }))
        .default("off")
        .says("uwsgi servers get a client's certificate in PEM as well, as `HTTPS_CC`")
        .example("on"),
        key("client-certificate-header", Kind::Pair, Set::Settings(certificate_header))
            .list()
            .says(
                "a field of requests that tells HTTP upstreams of a client's certificate, and that no client \
                 can send: NAME is the field's, VALUE is `subject`, `certificate` (as RFC 9440 writes it), \
                 `fingerprint` (SHA-256) or `verified` (`SUCCESS` or `NONE`)",
            )
            .example("X-Client-Subject=subject"),
        key("http-modifier1", Kind::Number, Set::Settings(|settings, value| {
            settings.modifier1 = value.number(0..=255)? as u8;
            Ok(())
        }))
        .default("0")
        .says("first modifier of the uwsgi packet: 0 WSGI, 5 PSGI, 7 Rack")
        .example("5"),
        key("http-modifier2", Kind::Number, Set::Settings(|settings, value| {
            settings.modifier2 = value.number(0..=255)? as u8;
            Ok(())
        }))
        .default("0")
        .says("second modifier of the uwsgi packet")
        .example("1"),
    ],
};

fn manage_expect(value: &Value) -> Result<ManageExpect, Fault> {
    match value.flag() {
        Ok(true) => Ok(ManageExpect::On),
        Ok(false) => Ok(ManageExpect::Off),
        Err(_) => match value.size() {
            Ok(size) => Ok(ManageExpect::UpTo(size)),
            Err(_) => Err(Fault::new("expected on, off or a size such as 10m")),
        },
    }
}

/// `client-certificate-header`: the last value of a name counts.
fn certificate_header(settings: &mut Settings, value: &Value) -> Outcome {
    let said = "expected NAME=VALUE, VALUE one of subject, certificate, fingerprint and verified";
    let (name, what) = value.text().split_once('=').ok_or_else(|| Fault::new(said))?;
    let (name, what) = (name.trim(), what.trim());
    let what = match what {
        "subject" => CertificateHeader::Subject,
        "certificate" => CertificateHeader::Whole,
        "fingerprint" => CertificateHeader::Fingerprint,
        "verified" => CertificateHeader::Verified,
        _ => return Err(Fault::new(said)),
    };
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(Fault::new("expected a name of letters, digits and '-' before '='"));
    }
    settings.certificate_headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    settings.certificate_headers.push((name.into(), what));
    Ok(())
}

/// `http-var`: the last value of a name counts.
fn variable(settings: &mut Settings, value: &Value) -> Outcome {
    let said = "expected NAME=VALUE, as in REALM=internal";
    let (name, content) = value.text().split_once('=').ok_or_else(|| Fault::new(said))?;
    let (name, content) = (name.trim(), content.trim());
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(Fault::new("expected a name of letters, digits and '_' before '='"));
    }
    settings.vars.retain(|(known, _)| known != name);
    settings.vars.push((name.into(), content.into()));
    Ok(())
}
