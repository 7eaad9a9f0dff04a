//! Regex text to a syntax tree: bytes, ASCII classes, and errors that say what PCRE has and Rust has not.

use regex_syntax::ast::parse::ParserBuilder;
use regex_syntax::ast::{self, AssertionKind, Ast, Flag, FlagsItemKind, GroupKind};
use regex_syntax::hir::translate::TranslatorBuilder;
use regex_syntax::hir::{self, Class, ClassBytes, ClassBytesRange, Hir, HirKind};

/// The longest regex taken, in bytes.
pub(super) const PATTERN_MAX: usize = 4096;

/// How deep groups and repetitions may nest.
const NEST_MAX: u32 = 64;

/// What is wrong with a regex.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct PatternError {
    /// Characters from the regex's first to the offending construct.
    pub(super) offset: u32,
    /// One sentence for the author of the configuration.
    pub(super) message: String,
}

/// Whether letters in a regex stand for themselves or for both cases.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Letters {
    /// As they are written: paths.
    AsWritten,
    /// The subject is always in lower case: hosts. The tree has no capital letters left.
    Lower,
}

/// Parses `text` as uWSGI's users mean it: `.` stops at a newline, `\w \d \s` are ASCII, any byte may be matched.
pub(super) fn parse(text: &str, letters: Letters) -> Result<Hir, PatternError> {
    if text.len() > PATTERN_MAX {
        let message =
            format!("a regex of {} bytes; the longest taken is {PATTERN_MAX}", text.len());
        return Err(PatternError { offset: 0, message });
    }
    let ast = ParserBuilder::new().nest_limit(NEST_MAX).build().parse(text).map_err(|error| {
        let (start, message) = explain(text, error.span().start.offset, error.kind());
        PatternError { offset: characters(text, start), message }
    })?;
    ast::visit(&ast, Misread { text })?;
    let hir = TranslatorBuilder::new()
        .utf8(false)
        .unicode(false)
        .case_insensitive(letters == Letters::Lower)
        .build()
        .translate(text, &ast)
        .map_err(|error| PatternError {
            offset: characters(text, error.span().start.offset),
            message: match error.kind() {
                hir::ErrorKind::UnicodeNotAllowed => {
                    "classes and (?i) are ASCII here; write other \
                    characters outside of them, such as (é|è)"
                        .to_owned()
                }
                kind => kind.to_string(),
            },
        })?;
    Ok(match letters {
        Letters::AsWritten => hir,
        Letters::Lower => lower(hir),
    })
}

/// Counts the characters of `text` before the byte `offset`.
fn characters(text: &str, offset: usize) -> u32 {
    let before = text.get(..offset).unwrap_or(text);
    u32::try_from(before.chars().count()).unwrap_or(u32::MAX)
}

/// What PCRE has and this syntax has not, by how it begins, most special first.
const PCRE_ONLY: &[(&str, &str)] = &[
    ("(?>", "atomic groups are PCRE's; matching is linear here, a plain (?:...) does"),
    ("(?|", "branch reset groups are PCRE's; number the captures by hand"),
    ("(?#", "comments are PCRE's; leave (?#...) out"),
    ("(?(", "conditional groups are PCRE's; write two rules"),
    ("(?'", "this way to name a group is PCRE's; write (?<name>...)"),
    ("(?P>", "recursion is PCRE's and cannot be done in linear time"),
    ("(?P=", "backreferences are PCRE's and cannot be done in linear time"),
    ("(?&", "recursion is PCRE's and cannot be done in linear time"),
    ("(?+", "recursion is PCRE's and cannot be done in linear time"),
    ("(?0", "recursion is PCRE's and cannot be done in linear time"),
    ("(?1", "recursion is PCRE's and cannot be done in linear time"),
    ("(?2", "recursion is PCRE's and cannot be done in linear time"),
    ("(*", "verbs such as (*UTF8) are PCRE's; leave them out"),
    ("\\g", "\\g (a backreference) is PCRE's and cannot be done in linear time"),
    ("\\k", "\\k (a backreference) is PCRE's and cannot be done in linear time"),
    ("\\K", "\\K is PCRE's; capture the part that counts instead"),
    ("\\G", "\\G is PCRE's; a rule is matched once, from the start"),
    ("\\Z", "\\Z is PCRE's; $ is the very end here"),
    ("\\Q", "\\Q...\\E is PCRE's; write a backslash before each special character"),
    ("\\E", "\\Q...\\E is PCRE's; write a backslash before each special character"),
    ("\\R", "\\R is PCRE's; no subject of a rule holds a line break"),
    ("\\X", "\\X is PCRE's; subjects are bytes here"),
    ("\\C", "\\C is PCRE's; write ."),
    ("\\N", "\\N is PCRE's; write ."),
    ("\\h", "\\h is PCRE's; write [ \\t]"),
    ("\\H", "\\H is PCRE's; write [^ \\t]"),
    ("\\V", "\\V is PCRE's; write [^\\n\\v\\f\\r]"),
    ("\\e", "\\e is PCRE's; write \\x1b"),
    ("\\c", "\\c is PCRE's; write \\x and two digits"),
];

/// Where the construct a parser's error is about begins, and what to say about it.
fn explain(text: &str, offset: usize, kind: &ast::ErrorKind) -> (usize, String) {
    use ast::ErrorKind as Kind;
    match kind {
        Kind::UnsupportedLookAround => {
            let message = "look-around such as (?=...) or (?!...) is PCRE's and cannot be done in \
                linear time; put the exception in a rule of its own before this one";
            return (offset, message.to_owned());
        }
        Kind::UnsupportedBackreference => {
            let message = "backreferences such as \\1 are PCRE's and cannot be done in linear time";
            return (offset, message.to_owned());
        }
        _ => {}
    }
    // The parser points behind the `(?` it does not know how to go on from.
    for back in [0, 1, 2, 3] {
        let Some(start) = offset.checked_sub(back) else { break };
        let Some(rest) = text.get(start..) else { continue };
        if let Some((begin, message)) = PCRE_ONLY.iter().find(|(begin, _)| rest.starts_with(begin))
            && begin.len() >= back
        {
            return (start, (*message).to_owned());
        }
    }
    let message = match kind {
        Kind::RepetitionCountDecimalEmpty | Kind::RepetitionCountUnclosed => {
            format!("{kind}; a brace that stands for itself is written \\{{")
        }
        Kind::NestLimitExceeded(max) => format!("groups nest deeper than {max}"),
        _ => kind.to_string(),
    };
    (offset, message)
}

/// Finds what parses but means something else to a reader of PCRE.
struct Misread<'a> {
    text: &'a str,
}

impl Misread<'_> {
    fn error(&self, offset: usize, message: &str) -> PatternError {
        PatternError { offset: characters(self.text, offset), message: message.to_owned() }
    }

    fn flags(&self, flags: &ast::Flags) -> Result<(), PatternError> {
        for item in &flags.items {
            match item.kind {
                FlagsItemKind::Flag(Flag::Unicode) => {
                    let message =
                        "the flag u is not taken: subjects are bytes, \\w \\d \\s are ASCII";
                    return Err(self.error(item.span.start.offset, message));
                }
                FlagsItemKind::Flag(Flag::CRLF) => {
                    let message = "recursion (?R) is PCRE's and cannot be done in linear time";
                    return Err(self.error(flags.span.start.offset.saturating_sub(2), message));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl ast::Visitor for Misread<'_> {
    type Output = ();
    type Err = PatternError;

    fn finish(self) -> Result<(), PatternError> {
        Ok(())
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), PatternError> {
        match ast {
            Ast::Repetition(outer) if matches!(*outer.ast, Ast::Repetition(_)) => {
                let possessive = self
                    .text
                    .get(outer.op.span.start.offset..)
                    .is_some_and(|op| op.starts_with('+'));
                let message = if possessive {
                    "possessive quantifiers are PCRE's; matching is linear here, leave the second + out"
                } else {
                    "a quantifier on a quantifier; put the inner one into a group if it is meant"
                };
                Err(self.error(outer.op.span.start.offset, message))
            }
            Ast::Flags(set) => self.flags(&set.flags),
            Ast::Group(group) => match &group.kind {
                GroupKind::NonCapturing(flags) => self.flags(flags),
                _ => Ok(()),
            },
            Ast::Assertion(assertion)
                if matches!(
                    assertion.kind,
                    AssertionKind::WordBoundaryStartAngle | AssertionKind::WordBoundaryEndAngle
                ) =>
            {
                let message = "PCRE reads this as a plain < or >, which needs no backslash; \
                    the border of a word is \\b";
                Err(self.error(assertion.span.start.offset, message))
            }
            _ => Ok(()),
        }
    }
}

/// Takes the capital letters out of a tree whose subjects have none.
fn lower(hir: Hir) -> Hir {
    match hir.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => Hir::literal(literal.0.to_ascii_lowercase()),
        HirKind::Class(Class::Bytes(mut class)) => {
            class.difference(&ClassBytes::new([ClassBytesRange::new(b'A', b'Z')]));
            Hir::class(Class::Bytes(class))
        }
        HirKind::Class(class) => Hir::class(class),
        HirKind::Look(look) => Hir::look(look),
        HirKind::Repetition(mut repetition) => {
            repetition.sub = Box::new(lower(*repetition.sub));
            Hir::repetition(repetition)
        }
        HirKind::Capture(mut capture) => {
            capture.sub = Box::new(lower(*capture.sub));
            Hir::capture(capture)
        }
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(lower).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.into_iter().map(lower).collect()),
    }
}
