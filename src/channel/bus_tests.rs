//! A bus that loses its connections by chance: nothing twice, everything in order, what is lost is told, and memory has an end.

use super::*;
use crate::base::Rng;
use crate::proto::ws::Kind;

const ROOM: usize = 64 << 10;

/// Those on a bus, and what each has heard.
struct World {
    all: Vec<Bus>,
    heard: Vec<Vec<(usize, u64)>>,
    lost: Vec<Vec<Lost>>,
    said: Vec<u64>,
    now: Millis,
}

impl World {
    fn new(count: usize) -> World {
        World {
            all: (0..count).map(|who| Bus::new([who as u8 + 1; 16], false)).collect(),
            heard: vec![Vec::new(); count],
            lost: vec![Vec::new(); count],
            said: vec![0; count],
            now: Millis(1000),
        }
    }

    fn want(&mut self, who: usize, name: &str, on: bool) {
        self.all[who].tell(Bulletin::Interest(vec![(name.into(), on)]), self.now);
    }

    fn say(&mut self, who: usize, name: &str, size: usize, messages: u32) {
        self.said[who] += 1;
        let mut payload = format!("{who} {} ", self.said[who]).into_bytes();
        payload.resize(payload.len() + size, b'.');
        let (channel, payload) = (name.into(), payload.into());
        let publication = Publication { channel, id: 1, kind: Kind::Text, payload, notice: false };
        let keep = Keep { messages, age: None };
        self.all[who].tell(Bulletin::Said(Arc::new(publication), keep), self.now);
    }

    /// The first so many sheets reach all, and the one who spoke hears of that or not.
    fn speak(&mut self, who: usize, arriving: usize, confirmed: bool) {
        let sheets = self.all[who].speak(ROOM, usize::MAX, self.now);
        for sheet in sheets.iter().take(arriving) {
            (0..self.all.len()).for_each(|other| self.hear(other, who, &sheet.bytes));
        }
        match confirmed {
            true => self.all[who].confirm(self.now),
            false => self.all[who].retract(),
        }
    }

    fn hear(&mut self, who: usize, from: usize, bytes: &[u8]) {
        let mut came = Vec::new();
        assert_eq!(self.all[who].take(bytes, self.now, &mut came), who == from);
        for incoming in came {
            match incoming {
                Incoming::Lost(lost) => self.lost[who].push(lost),
                Incoming::Recalled(..) => unreachable!("nothing was read"),
                Incoming::Said(saying, _) => {
                    let text = String::from_utf8(saying.payload.to_vec()).expect("text");
                    let mut words = text.split(' ').map(|word| word.parse::<u64>());
                    let mut number = || words.next().expect("a word").expect("a number");
                    self.heard[who].push((number() as usize, number()));
                }
            }
        }
    }

    fn settle(&mut self) {
        for who in 0..self.all.len() {
            while self.all[who].given < self.all[who].queue.len() {
                self.speak(who, usize::MAX, true);
            }
        }
    }

    fn heard_from(&self, who: usize, from: usize) -> Vec<u64> {
        let all = self.heard[who].iter().filter(|(whose, _)| *whose == from);
        all.map(|(_, number)| *number).collect()
    }
}

#[test]
fn everything_arrives_once_and_in_order_however_connections_end() {
    for seed in 0..40 {
        let mut rng = Rng::new(seed);
        let mut world = World::new(3);
        (0..3).for_each(|who| world.want(who, "a", true));
        let mut broken = [0; 3];
        for _ in 0..400 {
            let who = rng.below(3) as usize;
            match rng.below(10) {
                0..6 => world.say(who, "a", rng.below(50) as usize, 0),
                // It is broken off in between: some of it arrived, and nobody knows how much.
                8.. if broken[who] + 1 < TRIES => {
                    broken[who] += 1;
                    world.speak(who, rng.below(8) as usize, false);
                }
                _ => {
                    broken[who] = 0;
                    world.speak(who, usize::MAX, true);
                }
            }
        }
        world.settle();
        for who in 0..3 {
            for from in (0..3).filter(|from| *from != who) {
                let all: Vec<u64> = (1..=world.said[from]).collect();
                assert_eq!(world.heard_from(who, from), all, "seed {seed}");
            }
            assert!(world.lost[who].is_empty(), "seed {seed}: {:?}", world.lost[who]);
            assert_eq!(world.all[who].waiting().1, 0);
            assert_eq!(world.all[who].traffic.sent, world.said[who]);
        }
    }
}

#[test]
fn only_what_is_of_interest_or_kept_goes_further() {
    let mut world = World::new(2);
    world.say(0, "a", 0, 0);
    world.settle();
    world.want(1, "a", true);
    assert_eq!(world.all[1].changes(), (vec![Arc::from("a")], vec![]));
    world.say(0, "a", 0, 0);
    world.say(0, "b", 0, 0);
    world.say(0, "b", 0, 5);
    world.settle();
    world.want(1, "a", false);
    assert_eq!(world.all[1].changes(), (vec![], vec![Arc::from("a")]));
    world.say(0, "a", 0, 0);
    world.settle();
    assert_eq!(world.heard_from(1, 0), [2, 4]);
    assert!(world.lost[1].is_empty());
    let sheets = {
        world.say(0, "a", 0, 0);
        world.say(0, "a", 0, 3);
        world.all[0].speak(ROOM, usize::MAX, world.now)
    };
    let topics: Vec<&Topic> = sheets.iter().map(|sheet| &sheet.topic).collect();
    assert_eq!(topics, [&Topic::Of("a".into()), &Topic::Kept("a".into())]);
}

#[test]
fn what_comes_and_goes_in_between_is_subscribed_as_it_is_in_the_end() {
    let mut world = World::new(1);
    world.want(0, "a", true);
    world.want(0, "a", false);
    world.want(0, "b", true);
    assert_eq!(world.all[0].interests(), [Arc::from("b")]);
    assert!(!world.all[0].has_work(), "a new connection was told of all");
    world.want(0, "b", true);
    assert!(!world.all[0].has_work(), "nothing has changed");
}

#[test]
fn a_bus_that_takes_nothing_costs_so_much_and_what_is_lost_is_told() {
    let mut world = World::new(2);
    world.want(1, "a", true);
    world.want(1, "b", true);
    (0..40).for_each(|_| world.say(0, "a", 1 << 20, 0));
    world.say(0, "b", 1 << 20, 0);
    assert!(world.all[0].waiting().0 <= 16 << 20);
    assert!(world.all[0].traffic.lost >= 25);
    world.settle();
    let heard = world.heard_from(1, 0);
    assert_eq!(heard, (1..=heard.len() as u64).collect::<Vec<_>>());
    assert!(heard.len() >= 15);
    let Some(Lost::In(mut names)) = world.lost[1].pop() else { panic!("it was told") };
    names.sort();
    assert_eq!(names, ["a".into(), "b".into()] as [Arc<str>; 2]);
    assert!(world.lost[1].is_empty(), "once");
    world.say(0, "a", 0, 0);
    world.settle();
    assert_eq!(world.heard_from(1, 0).last(), Some(&42));
    assert!(world.lost[1].is_empty(), "it was told already");
}

#[test]
fn what_waits_too_long_is_lost_and_told() {
    let mut world = World::new(2);
    world.want(1, "a", true);
    world.say(0, "a", 0, 0);
    world.now += PATIENCE / 2;
    assert_eq!(world.all[0].expire(world.now), 0);
    world.say(0, "a", 0, 0);
    world.now += PATIENCE / 2;
    assert_eq!(world.all[0].expire(world.now), 1);
    world.settle();
    assert_eq!(world.heard_from(1, 0), [2]);
    assert_eq!(world.lost[1], [Lost::In(vec!["a".into()])]);
}

#[test]
fn what_the_bus_itself_loses_is_seen() {
    let mut world = World::new(2);
    world.want(1, "a", true);
    world.say(0, "a", 0, 0);
    world.settle();
    world.say(0, "a", 0, 0);
    world.speak(0, 0, true);
    world.say(0, "a", 0, 0);
    world.settle();
    assert_eq!(world.heard_from(1, 0), [1, 3]);
    assert_eq!(world.lost[1], [Lost::In(vec!["a".into()])]);
    world.say(0, "a", 0, 0);
    world.speak(0, 0, true);
    world.all[1].back(world.now);
    world.say(0, "a", 0, 0);
    world.settle();
    assert_eq!(world.lost[1].len(), 1, "whoever was away has told so");
}

#[test]
fn what_is_too_long_for_the_bus_is_lost_alone() {
    let mut world = World::new(2);
    world.want(1, "a", true);
    world.say(0, "a", 0, 0);
    world.say(0, "a", 2000, 0);
    world.say(0, "a", 0, 0);
    let sheets = world.all[0].speak(ROOM, 1000, world.now);
    sheets.iter().for_each(|sheet| world.hear(1, 0, &sheet.bytes));
    world.all[0].confirm(world.now);
    world.settle();
    assert_eq!(world.heard_from(1, 0), [1, 3]);
    assert!(world.lost[1].contains(&Lost::In(vec!["a".into()])), "{:?}", world.lost[1]);
    assert_eq!(world.all[0].traffic.lost, 1);
    assert_eq!(world.all[0].waiting().0, 0);
}

#[test]
fn one_that_the_bus_does_not_want_keeps_nothing_back() {
    let mut world = World::new(2);
    world.want(1, "a", true);
    for number in 1..=9 {
        world.say(0, "a", if number == 4 { 2000 } else { 0 }, 0);
    }
    let mut ends = 0;
    while world.all[0].has_work() {
        let sheets = world.all[0].speak(ROOM, usize::MAX, world.now);
        // It closes at what it does not want, and has taken what came before.
        let taken = sheets.iter().take_while(|sheet| sheet.bytes.len() < 1000).count();
        sheets.iter().take(taken).for_each(|sheet| world.hear(1, 0, &sheet.bytes));
        match taken == sheets.len() {
            true => world.all[0].confirm(world.now),
            false => world.all[0].retract(),
        }
        ends += u32::from(taken < sheets.len());
    }
    assert_eq!(ends, TRIES + 1, "once with the others");
    assert_eq!(world.heard_from(1, 0), [1, 2, 3, 5, 6, 7, 8, 9]);
    assert!(!world.lost[1].is_empty());
    assert!(world.lost[1].iter().all(|lost| *lost == Lost::In(vec!["a".into()])));
    assert_eq!(world.all[0].traffic.lost, 1);
    assert_eq!(world.all[0].waiting().0, 0);
}

#[test]
fn others_are_known_as_long_as_they_are_heard_of() {
    let mut world = World::new(2);
    let (beat, bye) = (world.all[1].beat(), world.all[1].goodbye());
    world.hear(0, 1, &beat.bytes);
    assert_eq!(world.all[0].others(), [[2; 16]]);
    assert_eq!(world.all[0].forget(world.now), 0);
    world.now += SILENCE;
    assert_eq!(world.all[0].forget(world.now), 1, "it is silent");
    world.hear(0, 1, &beat.bytes);
    world.hear(0, 1, &bye.bytes);
    world.now += SILENCE;
    assert_eq!(world.all[0].forget(world.now), 0, "it has said so");
    world.hear(0, 1, &beat.bytes);
    world.now += SILENCE;
    world.all[0].back(world.now);
    assert_eq!(world.all[0].forget(world.now), 0, "it was we who were away");
    let mut came = Vec::new();
    assert!(!world.all[0].take(b"GET / HTTP/1.1", world.now, &mut came));
    assert_eq!((came.len(), world.all[0].traffic.strange), (0, 1));
}
