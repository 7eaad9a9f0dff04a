//! The table of keys as documentation: `docs/config.md` and `conf/full.ini`.

use std::fmt::Write;

use super::keys::{GROUPS, Group, Key, Scope, Status};
use super::words::{self, Word};

const MARKDOWN_HEAD: &str = "\
# Keys

<!-- Generated from the table of keys in src/config/keys: change it there, then run
     TIDEGATE_UPDATE=1 cargo test documents -->

How files are written, with recipes, is in [configuration.md](configuration.md). All keys below stand
in `[tidegate]` (or `[uwsgi]`) unless their row says otherwise, and are options of the command line
too: `http = :8080` in a file is `--http :8080` there. Lists may be given more than once, each time
adding.

Durations are `250ms`, `30s`, `5m`, `1h`, or a bare number of seconds; sizes are `64k`, `1m`, `2g`, or a
bare number of bytes. Addresses are `127.0.0.1:8080`, `:8080` (every IPv4 address), `[::1]:8080`,
`unix:/run/app.sock` or `/run/app.sock`, `@abstract`, and `name:port`.
";

const WORDS_HEAD: &str = "
## Rules

What can stand in front of a rule's `=`, and what can be its condition and its action, each with an example. The
tests of the project run all of them: the example is all the rules there are, and `default` is
`http:127.0.0.1:9000`. `shop` and `vault` are upstreams over TLS.

`WebSocket /` is a handshake, and `says hi` a message of the client. Of what comes of it, a number is the status,
`Name: value` a header of the answer, and what stands in quotes its body, or a message. `server:` is what the server sees
of the request, and `log:` what the access log has of it; `then` is the status of the same request, made again.
";

const INI_HEAD: &str = "\
; Every key there is, with its default where it has one. Lines that begin with ;; are examples of keys
; without a default: take the ;; away to use them.
;
; Generated from the table of keys in src/config/keys: change it there, then run
; TIDEGATE_UPDATE=1 cargo test documents

[tidegate]
";

/// The text of `docs/config.md`.
pub fn markdown() -> String {
    let mut text = MARKDOWN_HEAD.to_owned();
    for group in GROUPS {
        text.push_str(&markdown_group(group));
    }
    text.push_str(WORDS_HEAD);
    text.push_str(&markdown_words("Forms", "is for requests for which", words::FORMS, " "));
    text.push_str(&markdown_words("Conditions", "holds when", words::CONDITIONS, ":"));
    text.push_str(&markdown_words("Actions", "does", words::ACTIONS, ":"));
    text
}

/// A table of words, between which and what they take stands `between`.
fn markdown_words(title: &str, does: &str, table: &[Word], between: &str) -> String {
    let mut text = format!(
        "\n### {title}\n\n| | {does} | example | a request | comes to |\n|---|---|---|---|---|\n"
    );
    for word in table {
        let name = code(&format!("{}{between}{}", word.name, word.argument));
        let also = word.also.iter().map(|name| format!(" {}", code(name))).collect::<String>();
        let also = if also.is_empty() { also } else { format!(" (or{also})") };
        let example = &word.example;
        let [rules, asked, comes] = [example.rules, example.asked, example.comes].map(lines);
        let _ = writeln!(
            text,
            "| {}{also} | {} | {rules} | {asked} | {comes} |",
            cell(&name),
            cell(word.does)
        );
    }
    text
}

/// Lines of an example, in one cell.
fn lines(text: &str) -> String {
    cell(&text.lines().map(code).collect::<Vec<_>>().join("<br>"))
}

fn markdown_group(group: &Group) -> String {
    let mut text = format!("\n## {}\n\n", group.title);
    if !group.intro.is_empty() {
        text.push_str(&wrapped(group.intro));
        text.push('\n');
    }
    let built: Vec<&Key> = group.keys.iter().filter(|key| key.is_built()).collect();
    if !built.is_empty() {
        text.push_str("| key | meaning | default | example |\n|---|---|---|---|\n");
    }
    for key in built {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            markdown_name(key),
            markdown_meaning(key),
            markdown_default(key),
            cell(&code(key.example))
        );
    }
    for (status, title) in [
        (Status::WithoutEffect(""), "Without effect, said once:"),
        (Status::Refused(""), "Refused:"),
    ] {
        text.push_str(&markdown_rest(group, status, title));
    }
    text
}

/// The keys of a group that stand as `like` does, as a list.
fn markdown_rest(group: &Group, like: Status, title: &str) -> String {
    let same = |key: &&Key| std::mem::discriminant(&key.status()) == std::mem::discriminant(&like);
    let lines: Vec<String> = group.keys.iter().filter(same).map(markdown_line).collect();
    if lines.is_empty() {
        return String::new();
    }
    let gap = if group.keys.iter().any(Key::is_built) { "\n" } else { "" };
    let space = if text_begins(group, like) { gap } else { "\n" };
    format!("{space}{title}\n\n{}\n", lines.join("\n"))
}

/// Whether nothing of the group stands before the list of keys like this.
fn text_begins(group: &Group, like: Status) -> bool {
    let rank = |status| match status {
        Status::Built => 0,
        Status::WithoutEffect(_) => 1,
        Status::Refused(_) => 2,
    };
    group.keys.iter().all(|key| rank(key.status()) >= rank(like))
}

fn markdown_line(key: &Key) -> String {
    let names: Vec<String> = key.names().map(code).collect();
    let names = names.join(", ");
    match key.status() {
        Status::Built => format!("- {names}"),
        Status::WithoutEffect(said) | Status::Refused(said) => format!("- {names}: {said}"),
    }
}

fn markdown_name(key: &Key) -> String {
    let names: Vec<String> = key.names().map(code).collect();
    let [first, others @ ..] = names.as_slice() else { return String::new() };
    let kind = cell(&code(key.kind.placeholder()));
    match others {
        [] => format!("{first} {kind}"),
        _ => format!("{first} {kind} ({})", others.join(", ")),
    }
}

fn markdown_meaning(key: &Key) -> String {
    let mut text = cell(key.meaning);
    if key.list {
        text.push_str("; list");
    }
    if key.scopes() == [Scope::Main, Scope::Route] {
        text.push_str("; also in `[route:NAME]`");
    }
    text
}

fn markdown_default(key: &Key) -> String {
    key.default.map_or_else(|| cell(key.unset), |default| cell(&code(default)))
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}

/// `text` fit for a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The text of `conf/full.ini`.
pub fn full_ini() -> String {
    let mut text = INI_HEAD.to_owned();
    for scope in [Scope::Main, Scope::Upstream, Scope::Route] {
        match scope {
            Scope::Main => {}
            Scope::Upstream => text.push_str("\n; --- Upstreams\n\n[upstream:example]\n"),
            Scope::Route => {
                text.push_str("\n; --- Routes with settings of their own\n\n[route:example]\n")
            }
        }
        for group in GROUPS {
            text.push_str(&ini_group(group, scope));
        }
    }
    text
}

/// The keys of `group` that stand in sections of `scope`, but not those of the main section again.
fn ini_group(group: &Group, scope: Scope) -> String {
    let mut text = String::new();
    let mine = |key: &&Key| key.is_built() && key.scopes().first() == Some(&scope);
    for key in group.keys.iter().filter(mine) {
        if text.is_empty() && scope == Scope::Main {
            let _ = writeln!(text, "\n; --- {}", group.title);
        }
        text.push('\n');
        for line in wrapped(&ini_comment(key)).lines() {
            let _ = writeln!(text, "; {line}");
        }
        let _ = match key.default.or_else(|| needed(key)) {
            Some(value) => writeln!(text, "{} = {value}", key.name),
            None => writeln!(text, ";; {} = {}", key.name, key.example),
        };
    }
    text
}

/// What keys are set to without which `full.ini` would be refused.
fn needed(key: &Key) -> Option<&'static str> {
    match key.name {
        "to" => Some("http:example"),
        "http" | "http-to" | "server" | "path" => Some(key.example),
        _ => None,
    }
}

fn ini_comment(key: &Key) -> String {
    let mut text = key.meaning.replace('`', "");
    if key.list {
        text.push_str("; list");
    }
    if key.scopes() == [Scope::Main, Scope::Route] {
        text.push_str("; also in [route:NAME]");
    }
    if key.default.is_none() && !key.unset.is_empty() {
        let _ = write!(text, "; default: {}", key.unset.replace('`', ""));
    }
    text
}

/// `text` in lines of at most 100 characters.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > 96 {
            lines.push('\n');
            column = 0;
        } else if column > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
#[path = "docs_tests.rs"]
mod tests;
