//! What becomes of a request and why, without one: `tidegate check FILE --explain 'GET https://host/path'`.
//!
//! The request goes through the very machine that serves clients, in memory, with the configuration as it
//! would run; what the machine asks the world for is not done but said.

mod question;
mod stage;

use std::fmt::Write;
use std::sync::Arc;

use crate::config::{Action, Condition, Config, Rule, Test};
use crate::route::{Purposes, Refuted};
use crate::session::{Generation, Happened};

pub use question::Question;
use stage::{Came, Played, perform};

/// What there is to say, in lines.
///
/// # Errors
/// What was expected, where the question cannot be read.
pub(super) fn explain(
    config: &Config,
    generation: &Arc<Generation>,
    question: &Question,
) -> Result<String, String> {
    let mut asked = question.read()?;
    asked.peer.listener = listener_of(generation, asked.peer.server_port);
    let played = perform(config, generation, &asked);
    let mut text = String::new();
    for (number, rule) in config.rules.iter().enumerate() {
        let happened = played.trace.iter().filter(|(at, _)| *at as usize == number);
        let mut any = false;
        for (_, happened) in happened {
            any = true;
            let _ = writeln!(text, "{}: {}", rule.place, line(rule, happened));
        }
        let last = played.trace.last().map_or(0, |(at, _)| *at as usize);
        if !any && number < last {
            let _ = writeln!(text, "{}: jumped over: {}", rule.place, rule.said);
        }
    }
    if !ends(config, &played) {
        text.push_str(&rest(config));
    }
    for came in &played.came {
        let _ = match came {
            Came::To { route, servers } if servers.is_empty() => writeln!(text, "goes to {route}"),
            Came::To { route, servers } => {
                writeln!(text, "goes to {route}: {}", servers.join(", "))
            }
            Came::ByToken { file, token } => {
                writeln!(text, "goes to the server that {file} has for {token:?}")
            }
            Came::File { directory, name } => {
                writeln!(text, "is the file {name:?} below {directory}, if it is there")
            }
            Came::Asked(lines) => {
                writeln!(text, "a server is asked, and taken to let it pass\n{}", indented(lines))
            }
            Came::Sent(lines) => writeln!(text, "which is sent\n{}", indented(lines)),
            Came::Answered(lines) => writeln!(text, "is answered\n{}", indented(lines)),
        };
    }
    Ok(text)
}

/// The listener that a question for this port comes by: the first there, or else the first of all.
fn listener_of(generation: &Generation, port: u16) -> u16 {
    let end = format!(":{port}");
    let at = generation.listeners.iter().position(|address| address.ends_with(&end));
    at.and_then(|at| u16::try_from(at).ok()).unwrap_or(0)
}

/// Whether a rule has taken the request, or has stopped it.
fn ends(config: &Config, played: &Played) -> bool {
    let Some((number, Happened::Did(_))) = played.trace.last() else { return false };
    let rule = config.rules.get(*number as usize);
    rule.is_some_and(|rule| match rule.action.value {
        Action::Go(_) | Action::Answer(_) => true,
        Action::Last | Action::Goto(_) => false,
        // What it answers comes before anything that takes the rest.
        Action::Edit(_) | Action::Guard(_) => matches!(played.came.last(), Some(Came::Answered(_))),
    })
}

/// What takes what no rule takes.
fn rest(config: &Config) -> String {
    match (&config.default, config.http_to.first()) {
        (Some(action), _) => format!("{}: default takes it\n", action.place),
        (None, Some(server)) => format!("{}: http-to takes it\n", server.place),
        (None, None) => "no rule takes it, and there is no default\n".into(),
    }
}

/// What happened at a rule.
fn line(rule: &Rule, happened: &Happened) -> String {
    match happened {
        Happened::Refuted(refuted) => {
            format!("passed over: {} ({})", why_not(rule, refuted), rule.said)
        }
        Happened::Did(text) => {
            let what = match &rule.action.value {
                Action::Go(_) | Action::Answer(_) => "takes it",
                Action::Last => "ends the rules",
                Action::Goto(_) => "goes on behind the label",
                Action::Edit(_) => "goes on",
                Action::Guard(_) => "is asked",
            };
            let name =
                if rule.name.is_empty() { String::new() } else { format!(" [{}]", rule.name) };
            match text.is_empty() || rule.said.ends_with(text) {
                true => format!("{what}: {}{name}", rule.said),
                false => format!("{what}: {}, which comes to {text:?}{name}", rule.said),
            }
        }
    }
}

/// Which condition did not hold, and for what.
fn why_not(rule: &Rule, refuted: &Refuted) -> String {
    match refuted {
        Refuted::Purpose(purpose) => {
            let fails = |condition: &&Condition| match condition.test {
                Test::Opens(draft) => !Purposes::of(draft, condition.negated).contains(*purpose),
                _ => false,
            };
            match rule.conditions.iter().find(fails) {
                Some(condition) => format!("{condition} does not hold"),
                None => "it does not take such requests".into(),
            }
        }
        Refuted::Condition { number, text, other } => {
            let text = String::from_utf8_lossy(text);
            let Some(condition) = rule.conditions.get(*number) else {
                return format!("a condition does not hold for {text:?}");
            };
            match other {
                Some(other) => {
                    let other = String::from_utf8_lossy(other);
                    format!("{condition} does not hold for {text:?} and {other:?}")
                }
                None => format!("{condition} does not hold for {text:?}"),
            }
        }
    }
}

fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
