//! What was kept elsewhere comes before what is known, once; and who asks before that waits.

use super::super::super::letter::Presence;
use super::super::super::publication::{Keep, Origin, Saying};
use super::*;
use crate::base::Slab;
use crate::proto::ws::Kind;

const OTHER: [u8; 16] = [1; 16];
const LAST_5: Keep = Keep { messages: 5, age: None };

/// It is the 10,000th millisecond, and somebody has joined `a`.
fn homes() -> (Homes, Arc<str>) {
    let (mut homes, name) = (Homes::new(1, 1 << 20, 9_000), Arc::from("a"));
    homes.link(true);
    homes.pass(10_000);
    homes.joined(0, &name, Presence { count: 1, circle: 1 });
    (homes, name)
}

fn kept(from: Option<[u8; 16]>, id: u64) -> Recalled {
    let (kind, payload, keep) = (Kind::Text, [b'x'; 40].into(), LAST_5);
    Recalled { from, id, kind, payload, keep, at: id / 1000, sure: true, hole: false }
}

fn hear(homes: &mut Homes, id: u64, keep: Keep) -> u64 {
    let saying = Saying { channel: "a".into(), kind: Kind::Text, payload: [].into(), keep };
    homes.hear(saying, Some(Origin { instance: OTHER, id }), 10_000).id
}

fn asker() -> Asker {
    Asker { core: 0, who: Slab::new().insert(()) }
}

fn told(answer: &Answer) -> (Vec<u64>, bool) {
    match answer {
        Answer::Story { kept, gap } => (kept.iter().map(|one| one.id).collect(), *gap),
        other => panic!("{other:?}"),
    }
}

fn story(homes: &mut Homes, since: u64) -> (Vec<u64>, bool) {
    told(&homes.story("a", since, 10_000))
}

#[test]
fn who_asks_waits_and_gets_it_all_once_and_in_order() {
    let (mut homes, a) = homes();
    assert_eq!(homes.tell("a", asker(), 8_002_000, 10_000), None, "it waits");
    // This one came by both ways.
    assert_eq!(hear(&mut homes, 9_999_000, LAST_5), 9_999_000);
    let all = [8_001_000, 8_002_000, 8_003_000, 9_999_000].map(|id| kept(Some(OTHER), id));
    let answers = homes.recall(&a, Some(all.to_vec()), 10_000);
    let [(who, answer)] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(*who, asker());
    assert_eq!(told(answer), (vec![8_003_000, 9_999_000], false));
    assert_eq!(story(&mut homes, 0), (vec![8_001_000, 8_002_000, 8_003_000, 9_999_000], true));
    assert_eq!(story(&mut homes, 8_002_500), (vec![8_003_000, 9_999_000], true), "none has that");
    assert_eq!(
        homes.tell("a", asker(), 9_999_000, 10_000).map(|it| told(&it)),
        Some((vec![], false))
    );
    let again = homes.recall(&a, Some(all.to_vec()), 10_000);
    assert!(again.is_empty());
    assert_eq!(story(&mut homes, 0).0.len(), 4, "once");
}

#[test]
fn without_an_answer_there_is_a_gap() {
    let (mut homes, a) = homes();
    assert_eq!(homes.tell("a", asker(), 8_002_000, 10_000), None);
    let answers = homes.recall(&a, None, 10_000);
    assert_eq!(told(&answers[0].1), (vec![], true));
    assert_eq!(story(&mut homes, 10_000_000), (vec![], false));
    let late = homes.recall(&a, Some(vec![kept(Some(OTHER), 8_001_000)]), 10_000);
    assert!(late.is_empty());
    assert_eq!(story(&mut homes, 0).0, [8_001_000], "what comes late is there for the next");
    assert!(homes.recall(&Arc::from("b"), Some(vec![kept(None, 5)]), 10_000).is_empty());
    assert_eq!(homes.channels.len(), 1, "nobody is interested in that one");
}

#[test]
fn what_is_ours_is_known_and_ids_never_go_back() {
    let (mut homes, a) = homes();
    let saying = Saying { channel: "a".into(), kind: Kind::Text, payload: [].into(), keep: LAST_5 };
    let ours = homes.publish(saying, 10_000).0.id;
    // Its clock is ahead.
    let ahead = ours + 7_000;
    homes.recall(&a, Some(vec![kept(None, ours), kept(Some(OTHER), ahead)]), 10_000);
    assert_eq!(story(&mut homes, 0).0, [ours - 1, ours]);
    assert!(story(&mut homes, ours - 1).1, "that is not where it was");
    assert_eq!(hear(&mut homes, ours + 1, LAST_5), ahead + 1);
    let day = 10_000_000 + AHEAD + 1;
    assert!(hear(&mut homes, day, LAST_5) < day, "that is no clock");
}

#[test]
fn a_hole_is_told_and_so_is_what_was_not_kept_meanwhile() {
    let (mut homes, a) = homes();
    let mut all = [8_001_000, 8_002_000, 8_003_000].map(|id| kept(Some(OTHER), id));
    all[2].hole = true;
    all[1].sure = false;
    homes.tell("a", asker(), 8_003_000, 10_000);
    let unkept = hear(&mut homes, 9_999_500, Keep::default());
    let answers = homes.recall(&a, Some(all.to_vec()), 10_000);
    assert_eq!(told(&answers[0].1), (vec![], true), "{unkept} went by");
    homes.channels.get_mut("a").expect("it is there").missing = 8_003_000;
    assert_eq!(story(&mut homes, 8_001_000), (vec![8_002_000, 8_003_000], true));
    assert_eq!(story(&mut homes, 8_003_000), (vec![], false));
    homes.channels.get_mut("a").expect("it is there").missing = 0;
    assert_eq!(story(&mut homes, 8_001_000), (vec![8_002_000, 8_003_000], false));
    assert_eq!(story(&mut homes, 8_002_000), (vec![8_003_000], true), "not for sure");
}

#[test]
fn no_more_is_kept_than_was_asked_for() {
    let (mut homes, a) = homes();
    let all: Vec<Recalled> = (1..=20).map(|id| kept(Some(OTHER), id * 1000)).collect();
    homes.recall(&a, Some(all), 10_000);
    assert_eq!(story(&mut homes, 0), ((16..=20).map(|id| id * 1000).collect(), true));
    assert_eq!(story(&mut homes, 15_000), ((16..=20).map(|id| id * 1000).collect(), true));
    assert_eq!((homes.messages, homes.kept), (5, 5 * (super::super::OVERHEAD + 40)));
    homes.keep_at_most(2 * (super::super::OVERHEAD + 40));
    assert_eq!(story(&mut homes, 0).0, [19_000, 20_000]);
    let mut old = kept(Some(OTHER), 21_000);
    old.keep.age = Some(1000);
    homes.recall(&a, Some(vec![old]), 10_000);
    assert_eq!(story(&mut homes, 0).0, [19_000, 20_000], "that is too old");
    homes.joined(0, &a, Presence::default());
    homes.keep_at_most(0);
    assert!(homes.is_empty());
}
