//! A hub among other instances: what it tells them, and what becomes of what they tell.

use super::*;
use crate::base::{Key, Slab};
use crate::channel::{Answer, Effect, Hub, Letter, Saying};
use crate::proto::ws::Kind;

fn saying(channel: &str, messages: u32) -> Saying {
    let keep = Keep { messages, age: None };
    Saying { channel: channel.into(), kind: Kind::Text, payload: [].into(), keep }
}

/// A linked hub, with one who has joined `a`.
fn linked() -> (Hub, Key) {
    let mut hub = Hub::new(0, 1, 1 << 20, 0);
    hub.link(false);
    let who = Slab::new().insert(());
    assert!(hub.join(&"a".into(), who, 10).is_ok());
    (hub, who)
}

/// Lets it read its own letters at `now`.
fn settle(hub: &mut Hub, now: u64) -> Vec<Effect> {
    hub.tell_homes();
    let mut effects = Vec::new();
    while let Some((_, letter)) = hub.next_letter() {
        effects.extend(hub.take(letter, now));
    }
    effects
}

fn told(hub: &mut Hub) -> Vec<String> {
    let shown = |bulletin| match bulletin {
        Bulletin::Said(publication, _) => format!("said {}", publication.channel),
        Bulletin::Interest(mut changes) => {
            changes.sort();
            format!("{changes:?}")
        }
        other => panic!("{other:?}"),
    };
    std::iter::from_fn(|| hub.next_bulletin(true)).map(shown).collect()
}

#[test]
fn what_is_published_here_is_told_and_what_is_heard_is_not() {
    let (mut hub, who) = linked();
    settle(&mut hub, 1);
    assert_eq!(told(&mut hub), ["[(\"a\", true)]"]);
    hub.publish(saying("a", 0), None);
    hub.publish(saying("b", 0), None);
    assert_eq!(settle(&mut hub, 1).len(), 1);
    assert_eq!(told(&mut hub), ["said a", "said b"]);
    hub.take(Letter::Heard(saying("a", 0), None), 1);
    assert!(matches!(settle(&mut hub, 1)[..], [Effect::Deliver(..)]));
    hub.take(Letter::Heard(saying("c", 1), None), 1);
    hub.leave(who);
    settle(&mut hub, 1);
    assert_eq!(told(&mut hub), ["[(\"a\", false), (\"c\", true)]"], "what is kept is of interest");
    assert!(told(&mut hub).is_empty());
}

#[test]
fn what_is_lost_is_told_to_those_who_listen_and_to_those_who_come_back() {
    let (mut hub, who) = linked();
    settle(&mut hub, 1);
    hub.take(Letter::Heard(saying("a", 9), None), 2);
    settle(&mut hub, 2);
    let gap = |hub: &mut Hub, since| {
        hub.ask("a".into(), who, Some(since));
        match settle(hub, 3).pop() {
            Some(Effect::Tell(_, Answer::Story { kept, gap })) => (kept.len(), gap),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(gap(&mut hub, 1500), (1, false));
    assert_eq!(gap(&mut hub, 999), (1, true), "nobody had joined yet");
    hub.take(Letter::Lost(Lost::In(vec!["b".into(), "a".into()])), 4);
    let effects = settle(&mut hub, 4);
    assert!(matches!(&effects[..], [Effect::Miss(all)] if all[..] == [who]), "{effects:?}");
    assert_eq!(gap(&mut hub, 1500), (1, true));
    assert_eq!(gap(&mut hub, 4000), (0, false));
    let effect = hub.take(Letter::Lost(Lost::Anywhere), 5);
    assert!(matches!(effect, Some(Effect::Miss(all)) if all[..] == [who]));
    assert_eq!(gap(&mut hub, 4000), (0, true));
}
