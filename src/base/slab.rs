//! A chunked slab with generations: never copies when it grows, returns memory when it shrinks.

use std::num::NonZeroU32;

use super::Key;
use super::rooms::{CHUNK, Rooms, split};

/// Values under generational keys, 64 to a chunk.
///
/// A chunk's memory goes back once its last value is removed (one empty chunk is kept); a key of a
/// removed value finds nothing, also after its chunk was freed and allocated anew.
#[derive(Debug)]
pub struct Slab<T> {
    chunks: Vec<Chunk<T>>,
    rooms: Rooms,
}

#[derive(Debug)]
struct Chunk<T> {
    slots: Option<Box<[Slot<T>; CHUNK]>>,
    /// What the slots start at when they are allocated: later than any generation they had.
    generation: NonZeroU32,
}

#[derive(Debug)]
struct Slot<T> {
    /// Of the value when there is one, of the next value otherwise.
    generation: NonZeroU32,
    value: Option<T>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab::new()
    }
}

impl<T> Slab<T> {
    /// An empty slab, without memory.
    pub fn new() -> Slab<T> {
        Slab { chunks: Vec::new(), rooms: Rooms::default() }
    }

    /// How many values it holds.
    #[inline]
    pub fn len(&self) -> usize {
        self.rooms.len()
    }

    /// Whether it holds none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many chunks have memory.
    pub fn chunks(&self) -> usize {
        self.chunks.iter().filter(|chunk| chunk.slots.is_some()).count()
    }

    /// Puts a value in.
    ///
    /// # Panics
    /// When it holds 2^32 values.
    pub fn insert(&mut self, value: T) -> Key {
        self.insert_with(|_| value)
    }

    /// Puts in the value made by `make`, which learns the key it will have.
    ///
    /// # Panics
    /// When it holds 2^32 values.
    pub fn insert_with(&mut self, make: impl FnOnce(Key) -> T) -> Key {
        let index = self.rooms.take();
        let (chunk, slot) = split(index);
        if chunk == self.chunks.len() {
            self.chunks.push(Chunk { slots: None, generation: NonZeroU32::MIN });
        }
        let slot = &mut self.chunks[chunk].allocated()[slot];
        let key = Key::new(index, slot.generation);
        slot.value = Some(make(key));
        key
    }

    /// The value under a key, if it still lives.
    #[inline]
    pub fn get(&self, key: Key) -> Option<&T> {
        let (chunk, slot) = split(key.index());
        let slot = &self.chunks.get(chunk)?.slots.as_ref()?[slot];
        if slot.generation == key.turn() { slot.value.as_ref() } else { None }
    }

    /// The value under a key, if it still lives.
    #[inline]
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let (chunk, slot) = split(key.index());
        let slot = &mut self.chunks.get_mut(chunk)?.slots.as_mut()?[slot];
        if slot.generation == key.turn() { slot.value.as_mut() } else { None }
    }

    /// The values under two keys at once; for one and the same place only the first.
    #[inline]
    pub fn get_pair_mut(&mut self, one: Key, two: Key) -> (Option<&mut T>, Option<&mut T>) {
        let ((chunk1, slot1), (chunk2, slot2)) = (split(one.index()), split(two.index()));
        let len = self.chunks.len();
        if chunk1 >= len || slot1 == slot2 && chunk1 == chunk2 {
            return if chunk1 == chunk2 {
                (self.get_mut(one), None)
            } else {
                (None, self.get_mut(two))
            };
        }
        if chunk2 >= len {
            return (self.get_mut(one), None);
        }
        if chunk1 != chunk2 {
            return match self.chunks.get_disjoint_mut([chunk1, chunk2]) {
                Ok([chunk1, chunk2]) => (chunk1.value(slot1, one), chunk2.value(slot2, two)),
                Err(_) => (None, None),
            };
        }
        let Some(slots) = self.chunks[chunk1].slots.as_mut() else { return (None, None) };
        match slots.get_disjoint_mut([slot1, slot2]) {
            Ok([slot1, slot2]) => (slot1.value(one), slot2.value(two)),
            Err(_) => (None, None),
        }
    }

    /// Whether the value under a key still lives.
    #[inline]
    pub fn contains(&self, key: Key) -> bool {
        self.get(key).is_some()
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        let (chunk, slot) = split(key.index());
        let slot = &mut self.chunks.get_mut(chunk)?.slots.as_mut()?[slot];
        if slot.generation != key.turn() {
            return None;
        }
        let value = slot.value.take()?;
        slot.generation = after(slot.generation);
        if let Some(empty) = self.rooms.release(key.index()) {
            self.chunks[empty].free();
        }
        Some(value)
    }

    /// All values with their keys, in order of place.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.chunks.iter().enumerate().flat_map(|(chunk, slots)| {
            slots.slots.iter().flat_map(move |slots| {
                slots.iter().enumerate().filter_map(move |(slot, entry)| {
                    let key = Key::new((chunk * CHUNK + slot) as u32, entry.generation);
                    entry.value.as_ref().map(|value| (key, value))
                })
            })
        })
    }

    /// All keys, in order of place.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        self.iter().map(|(key, _)| key)
    }

    /// The first key at or after a place: a walk that may be left and taken up again while the slab changes.
    pub fn key_from(&self, index: u32) -> Option<Key> {
        let index = self.rooms.next_taken(index)?;
        let (chunk, slot) = split(index);
        let slots = self.chunks.get(chunk)?.slots.as_ref()?;
        Some(Key::new(index, slots[slot].generation))
    }
}

impl<T> Chunk<T> {
    fn allocated(&mut self) -> &mut [Slot<T>; CHUNK] {
        let generation = self.generation;
        self.slots.get_or_insert_with(|| {
            // Collected on the heap: a chunk of large values does not pass over the stack.
            let slots: Box<[Slot<T>]> =
                (0..CHUNK).map(|_| Slot { generation, value: None }).collect();
            slots.try_into().unwrap_or_else(|_| unreachable!("CHUNK slots were collected"))
        })
    }

    fn free(&mut self) {
        let last = self.slots.iter().flat_map(|slots| slots.iter()).map(|slot| slot.generation);
        self.generation = last.max().unwrap_or(self.generation);
        self.slots = None;
    }

    #[inline]
    fn value(&mut self, slot: usize, key: Key) -> Option<&mut T> {
        self.slots.as_mut()?[slot].value(key)
    }
}

impl<T> Slot<T> {
    #[inline]
    fn value(&mut self, key: Key) -> Option<&mut T> {
        if self.generation == key.turn() { self.value.as_mut() } else { None }
    }
}

/// The generation that follows; 0 is left out.
fn after(generation: NonZeroU32) -> NonZeroU32 {
    generation.checked_add(1).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_removed_key_finds_nothing_though_its_chunk_was_freed() {
        let mut slab = Slab::new();
        let first: Vec<Key> = (0..200).map(|n| slab.insert(n)).collect();
        assert_eq!(slab.chunks(), 4);
        for (n, key) in first.iter().enumerate() {
            assert_eq!(slab.remove(*key), Some(n));
            assert_eq!(slab.remove(*key), None);
        }
        assert_eq!((slab.len(), slab.chunks()), (0, 1));
        let second: Vec<Key> = (0..200).map(|n| slab.insert(n)).collect();
        assert!(first.iter().all(|key| !slab.contains(*key)));
        assert!(second.iter().all(|key| slab.contains(*key)));
        assert_eq!(slab.get(Key::new(u32::MAX, NonZeroU32::MIN)), None);
    }

    #[test]
    fn the_value_learns_its_key() {
        let mut slab = Slab::new();
        let key = slab.insert_with(|key| key);
        assert_eq!(slab.get(key), Some(&key));
    }

    #[test]
    fn pairs() {
        let mut slab = Slab::new();
        let keys: Vec<Key> = (0..100).map(|n| slab.insert(n)).collect();
        let nowhere = Key::new(10_000, NonZeroU32::MIN);
        for (one, two) in [(0, 1), (1, 0), (3, 99), (99, 3)] {
            let (a, b) = slab.get_pair_mut(keys[one], keys[two]);
            assert_eq!((a.copied(), b.copied()), (Some(one), Some(two)));
        }
        assert_eq!(slab.get_pair_mut(keys[7], keys[7]), (Some(&mut 7), None));
        assert_eq!(slab.get_pair_mut(keys[7], nowhere), (Some(&mut 7), None));
        assert_eq!(slab.get_pair_mut(nowhere, keys[7]), (None, Some(&mut 7)));
        slab.remove(keys[8]);
        assert_eq!(slab.get_pair_mut(keys[8], keys[7]), (None, Some(&mut 7)));
        assert_eq!(slab.get_pair_mut(keys[7], keys[8]), (Some(&mut 7), None));
    }

    #[test]
    fn going_over_an_edge_keeps_one_chunk() {
        let mut slab = Slab::new();
        let kept: Vec<Key> = (0..64).map(|n| slab.insert(n)).collect();
        for n in 0..10 {
            let key = slab.insert(n);
            slab.remove(key);
            assert_eq!(slab.chunks(), 2);
        }
        assert!(kept.iter().all(|key| slab.contains(*key)));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Insert(u16),
        Remove(usize),
        RemoveMany(usize),
        Get(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            8 => any::<u16>().prop_map(Step::Insert),
            4 => any::<usize>().prop_map(Step::Remove),
            1 => (1usize..300).prop_map(Step::RemoveMany),
            4 => any::<usize>().prop_map(Step::Get),
        ];
        prop::collection::vec(step, 0..1500)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn as_a_map(steps in steps()) {
            let mut slab = Slab::new();
            let mut twin: HashMap<Key, u16> = HashMap::new();
            let mut ever: Vec<Key> = Vec::new();
            for step in steps {
                match step {
                    Step::Insert(value) => {
                        let key = slab.insert(value);
                        prop_assert!(!ever.contains(&key));
                        ever.push(key);
                        twin.insert(key, value);
                    }
                    Step::Remove(n) if !ever.is_empty() => {
                        let key = ever[n % ever.len()];
                        prop_assert_eq!(slab.remove(key), twin.remove(&key));
                    }
                    Step::RemoveMany(n) => {
                        for key in ever.iter().rev().take(n) {
                            prop_assert_eq!(slab.remove(*key), twin.remove(key));
                        }
                    }
                    Step::Get(n) if !ever.is_empty() => {
                        let key = ever[n % ever.len()];
                        prop_assert_eq!(slab.get(key), twin.get(&key));
                        prop_assert_eq!(slab.get_mut(key), twin.get_mut(&key));
                    }
                    _ => {}
                }
                prop_assert_eq!(slab.len(), twin.len());
            }
            prop_assert_eq!(slab.keys().collect::<HashSet<_>>(), twin.keys().copied().collect());
            let mut walked = Vec::new();
            let mut at = 0;
            while let Some(key) = slab.key_from(at) {
                walked.push(key);
                at = key.index() + 1;
            }
            prop_assert_eq!(walked, slab.keys().collect::<Vec<_>>());
        }
    }
}
