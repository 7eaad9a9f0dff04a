//! Instances with links between them that come and go by chance: nothing twice, everything in order, what is lost is told.

use std::collections::VecDeque;

use super::super::publication::Publication;
use super::*;
use crate::base::Rng;
use crate::proto::instances::Frames;
use crate::proto::ws::Kind;

const ROOM: usize = 64 << 10;

fn publication(channel: &str, payload: Arc<[u8]>) -> Publication {
    Publication { channel: channel.into(), id: 1, kind: Kind::Text, payload, notice: false }
}

/// A link between two instances: what is on its way in either direction.
struct Wire {
    number: Link,
    ends: [usize; 2],
    bytes: [VecDeque<u8>; 2],
    frames: [Frames; 2],
}

struct World {
    all: Vec<Instances>,
    wires: Vec<Wire>,
    links: u64,
    now: Millis,
    rng: Rng,
    /// What each has heard: from whom, and which.
    heard: Vec<Vec<(usize, u64)>>,
    lost: Vec<Vec<Lost>>,
    said: Vec<u64>,
}

impl World {
    fn new(count: usize, seed: u64) -> World {
        World {
            all: (0..count).map(|who| Instances::new([who as u8 + 1; 16])).collect(),
            wires: Vec::new(),
            links: 0,
            now: Millis(0),
            rng: Rng::new(seed),
            heard: vec![Vec::new(); count],
            lost: vec![Vec::new(); count],
            said: vec![0; count],
        }
    }

    fn connect(&mut self, one: usize, two: usize) {
        self.links += 1;
        let ends = [one, two];
        let bytes = ends.map(|end| {
            let mut out = Vec::new();
            self.all[end].greet(&mut out);
            out.into()
        });
        self.wires.push(Wire { number: self.links, ends, bytes, frames: Default::default() });
    }

    fn connect_all(&mut self) {
        for one in 0..self.all.len() {
            (0..one).for_each(|two| self.connect(one, two));
        }
    }

    fn cut(&mut self, at: usize) {
        let wire = self.wires.swap_remove(at);
        for end in wire.ends {
            assert!(self.all[end].unlink(wire.number, self.now), "nobody has said that it ends");
        }
    }

    fn want(&mut self, who: usize, name: &str, on: bool) {
        self.all[who].tell(&Bulletin::Interest(vec![(name.into(), on)]));
    }

    fn say(&mut self, who: usize, name: &str, size: usize) {
        self.said[who] += 1;
        let mut payload = format!("{who} {} ", self.said[who]).into_bytes();
        payload.resize(payload.len() + size, b'.');
        let payload = payload.into();
        let publication = publication(name, payload);
        self.all[who].tell(&Bulletin::Said(Arc::new(publication), Keep::default()));
    }

    /// Has one end say what it wants to, and the other read some of it, up to `most` bytes.
    fn carry(&mut self, wire: usize, end: usize, calm: bool, most: usize) -> bool {
        let (one, two) = (self.wires[wire].ends[end], self.wires[wire].ends[1 - end]);
        let wire = &mut self.wires[wire];
        let mut out = Vec::new();
        self.all[one].speak(wire.number, calm, ROOM, &mut out);
        wire.bytes[end].extend(out);
        let count = wire.bytes[end].len().min(most);
        let some: Vec<u8> = wire.bytes[end].drain(..count).collect();
        wire.frames[end].feed(&some);
        while let Some(frame) = wire.frames[end].take().expect("a frame") {
            let mut came = Vec::new();
            let micros = (self.now.0 + 1) * 1000;
            self.all[two].take(wire.number, frame, micros, &mut came).expect("in its place");
            for incoming in came {
                match incoming {
                    Incoming::Lost(lost) => self.lost[two].push(lost),
                    Incoming::Recalled(..) => unreachable!("nothing is read here"),
                    Incoming::Said(saying, _) => {
                        let text = String::from_utf8(saying.payload.to_vec()).expect("text");
                        let mut words = text.split(' ').map(|word| word.parse::<u64>());
                        let mut number = || words.next().expect("a word").expect("a number");
                        self.heard[two].push((number() as usize, number()));
                    }
                }
            }
        }
        count > 0
    }

    /// Until nobody has anything more to say.
    fn settle(&mut self) {
        let mut goes_on = true;
        while goes_on {
            goes_on = false;
            for wire in 0..self.wires.len() {
                goes_on |= self.carry(wire, 0, true, usize::MAX);
                goes_on |= self.carry(wire, 1, true, usize::MAX);
            }
        }
    }

    fn heard_from(&self, who: usize, from: usize) -> Vec<u64> {
        let all = self.heard[who].iter().filter(|(whose, _)| *whose == from);
        all.map(|(_, number)| *number).collect()
    }
}

#[test]
fn everything_arrives_once_and_in_order_however_links_end() {
    for seed in 0..40 {
        let mut world = World::new(3, seed);
        (0..3).for_each(|who| world.want(who, "a", true));
        world.connect_all();
        world.settle();
        for _ in 0..600 {
            let chance = world.rng.below(100);
            let who = world.rng.below(3) as usize;
            let other = (who + 1 + world.rng.below(2) as usize) % 3;
            match chance {
                0..40 => world.say(who, "a", chance as usize),
                40..45 => world.connect(who, other),
                45..50 if !world.wires.is_empty() => {
                    let at = world.rng.below(world.wires.len() as u64) as usize;
                    world.cut(at);
                }
                _ if !world.wires.is_empty() => {
                    let at = world.rng.below(world.wires.len() as u64) as usize;
                    let (end, most) = (chance as usize % 2, world.rng.below(300) as usize);
                    world.carry(at, end, chance < 60, most);
                }
                _ => {}
            }
        }
        world.connect_all();
        world.settle();
        for who in 0..3 {
            for from in (0..3).filter(|from| *from != who) {
                let all: Vec<u64> = (1..=world.said[from]).collect();
                assert_eq!(world.heard_from(who, from), all, "seed {seed}");
            }
            assert!(world.lost[who].is_empty(), "seed {seed}: {:?}", world.lost[who]);
            assert_eq!(world.all[who].status().iter().map(|one| one.waiting).sum::<usize>(), 0);
        }
    }
}

#[test]
fn what_nobody_wants_is_not_sent_and_what_is_kept_is() {
    let mut world = World::new(2, 1);
    world.connect_all();
    world.settle();
    world.say(0, "a", 0);
    world.want(1, "b", true);
    world.settle();
    world.say(0, "a", 0);
    world.say(0, "b", 0);
    world.want(1, "b", false);
    world.settle();
    world.say(0, "b", 0);
    let keep = Keep { messages: 1, age: None };
    let payload = Arc::from(&b"0 9"[..]);
    let publication = publication("a", payload);
    world.all[0].tell(&Bulletin::Said(Arc::new(publication), keep));
    world.settle();
    assert_eq!(world.heard_from(1, 0), [3, 9]);
    assert!(world.lost[1].is_empty());
}

#[test]
fn one_that_does_not_read_costs_so_much_and_is_told_what_it_lost() {
    let mut world = World::new(2, 1);
    world.want(1, "a", true);
    world.want(1, "b", true);
    world.connect_all();
    world.settle();
    (0..40).for_each(|_| world.say(0, "a", 1 << 20));
    world.say(0, "b", 1 << 20);
    let status = &world.all[0].status()[0];
    assert!(status.bytes <= 16 << 20, "{status:?}");
    assert!(status.traffic.lost >= 25, "{status:?}");
    world.settle();
    let heard = world.heard_from(1, 0);
    assert_eq!(heard, (1..=heard.len() as u64).collect::<Vec<_>>());
    assert!(heard.len() >= 15);
    let Some(Lost::In(mut names)) = world.lost[1].pop() else { panic!("it was told") };
    names.sort();
    assert_eq!(names, ["a".into(), "b".into()] as [Arc<str>; 2]);
    world.say(0, "a", 0);
    world.settle();
    assert_eq!(world.heard_from(1, 0).last(), Some(&42));
}

#[test]
fn one_that_stays_away_is_forgotten_and_told_of_it() {
    let mut world = World::new(2, 1);
    world.want(1, "a", true);
    world.connect_all();
    world.settle();
    world.cut(0);
    world.say(0, "a", 0);
    world.now += Duration::from_secs(61);
    let now = world.now;
    assert_eq!(world.all[0].forget(now), 1);
    world.connect_all();
    world.settle();
    assert_eq!(world.lost[1], [Lost::Anywhere]);
    world.say(0, "a", 0);
    world.settle();
    assert_eq!(world.heard_from(1, 0), [2]);
}

#[test]
fn one_that_begins_anew_says_what_may_be_missing() {
    let mut world = World::new(2, 1);
    world.say(0, "a", 0);
    world.connect_all();
    world.settle();
    assert_eq!(world.lost[1], [Lost::Anywhere], "of what was published before nothing is known");
    assert!(world.lost[0].is_empty(), "and there was nothing published here");
}

#[test]
fn it_does_not_talk_to_itself_nor_to_one_that_says_no_name() {
    let mut one = Instances::new([1; 16]);
    let mut take = |link, frame| one.take(link, frame, 1, &mut Vec::new());
    let hello = Frame::Hello { instance: [1; 16], published: 0 };
    assert_eq!(take(1, hello), Err(LinkFault::Myself));
    assert_eq!(take(2, Frame::Ping), Err(LinkFault::Misplaced));
    let hello = Frame::Hello { instance: [2; 16], published: 0 };
    assert_eq!(take(2, hello.clone()), Ok(()));
    assert_eq!(take(2, hello), Err(LinkFault::Misplaced));
    let names = vec!["a b".into()];
    let wants = Frame::Interest { all: false, on: true, names };
    assert_eq!(take(2, wants), Err(LinkFault::Frame(BadFrame::Malformed)));
}
