//! A compressed trie over anchored prefixes: which rules can match a path that begins like this.
//!
//! Here and in the index a rule is known by its first step in the table's steps, which rises with its number.

use std::ops::Range;

/// Rules of many lists, one behind the other, each in rising order.
#[derive(Debug, Default)]
pub(super) struct Lists {
    rules: Vec<u32>,
}

/// One list of [`Lists`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct List {
    /// Where it begins; of a list of one, that one.
    start: u32,
    len: u32,
}

impl Lists {
    /// Stores a list.
    pub(super) fn add(&mut self, rules: &[u32]) -> List {
        if let &[only] = rules {
            return List { start: only, len: 1 };
        }
        let list = List { start: number(self.rules.len()), len: number(rules.len()) };
        self.rules.extend_from_slice(rules);
        list
    }

    /// The rules of a list.
    pub(super) fn get<'a>(&'a self, list: &'a List) -> &'a [u32] {
        match list.len {
            1 => std::slice::from_ref(&list.start),
            len => &self.rules[list.start as usize..][..len as usize],
        }
    }

    /// Bytes on the heap.
    pub(super) fn memory(&self) -> usize {
        self.rules.capacity() * size_of::<u32>()
    }
}

/// A count or a position that fits: what is compiled is far below 2^32 in number and size.
pub(super) fn number(value: usize) -> u32 {
    u32::try_from(value).expect("a table of routes stays below 4 GiB")
}

/// One step down: the bytes between the parent and here but the first, and what can match from here on.
#[derive(Clone, Copy, Debug)]
struct Node {
    label: u32,
    label_len: u32,
    children: u32,
    children_len: u32,
    list: List,
}

/// Several tries in one arena; each is known by its root.
#[derive(Debug, Default)]
pub(super) struct Trie {
    nodes: Vec<Node>,
    /// By which byte each node is reached, so that a child is found in one line of cache.
    firsts: Vec<u8>,
    labels: Vec<u8>,
}

/// A prefix and the rules found by it.
pub(super) type Entry<'a> = (&'a [u8], Vec<u32>);

impl Trie {
    /// Adds a trie over `entries`, which must be sorted and distinct, and returns its root.
    pub(super) fn add(&mut self, entries: &[Entry<'_>], lists: &mut Lists) -> u32 {
        let root = self.push(0, b"");
        // A node that waits for its list and children: its number, its entries, its depth in bytes.
        let mut waiting: Vec<(u32, Range<usize>, usize)> = vec![(root, 0..entries.len(), 0)];
        while let Some((node, mut range, depth)) = waiting.pop() {
            if range.start < range.end && entries[range.start].0.len() == depth {
                self.nodes[node as usize].list = lists.add(&entries[range.start].1);
                range.start += 1;
            }
            self.nodes[node as usize].children = number(self.nodes.len());
            let mut from = range.start;
            while from < range.end {
                let first = entries[from].0[depth];
                let same =
                    entries[from..range.end].partition_point(|entry| entry.0[depth] == first);
                let end = common(entries[from].0, entries[from + same - 1].0);
                let child = self.push(first, &entries[from].0[depth + 1..end]);
                waiting.push((child, from..from + same, end));
                from += same;
            }
            let children = number(self.nodes.len()) - self.nodes[node as usize].children;
            self.nodes[node as usize].children_len = children;
        }
        root
    }

    fn push(&mut self, first: u8, label: &[u8]) -> u32 {
        let node = number(self.nodes.len());
        let start = number(self.labels.len());
        self.labels.extend_from_slice(label);
        self.firsts.push(first);
        self.nodes.push(Node {
            label: start,
            label_len: number(label.len()),
            children: 0,
            children_len: 0,
            list: List::default(),
        });
        node
    }

    /// Appends the rules of every prefix of `path` below `root`.
    pub(super) fn walk(&self, root: u32, mut path: &[u8], lists: &Lists, out: &mut Vec<u32>) {
        let mut node = &self.nodes[root as usize];
        loop {
            out.extend_from_slice(lists.get(&node.list));
            let Some((&first, rest)) = path.split_first() else { return };
            let children = node.children as usize;
            let firsts = &self.firsts[children..][..node.children_len as usize];
            let Some(at) = firsts.iter().position(|&of_child| of_child == first) else { return };
            node = &self.nodes[children + at];
            path = rest;
            if node.label_len > 0 {
                let label = &self.labels[node.label as usize..][..node.label_len as usize];
                let Some(rest) = path.strip_prefix(label) else { return };
                path = rest;
            }
        }
    }

    /// Bytes on the heap.
    pub(super) fn memory(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>() + self.firsts.capacity() + self.labels.capacity()
    }
}

/// How many bytes `a` and `b` have in common from their beginnings.
fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(trie: &Trie, lists: &Lists, path: &str) -> Vec<u32> {
        let mut out = Vec::new();
        trie.walk(0, path.as_bytes(), lists, &mut out);
        out
    }

    #[test]
    fn every_prefix_of_a_path_is_found_and_nothing_else() {
        let (mut trie, mut lists) = (Trie::default(), Lists::default());
        let entries: Vec<Entry<'_>> = vec![
            (b"", vec![9]),
            (b"/", vec![7]),
            (b"/api", vec![1, 5]),
            (b"/api/v1", vec![2]),
            (b"/apple", vec![3]),
            (b"/b", vec![4]),
        ];
        trie.add(&entries, &mut lists);
        assert_eq!(found(&trie, &lists, ""), [9]);
        assert_eq!(found(&trie, &lists, "/"), [9, 7]);
        assert_eq!(found(&trie, &lists, "/ap"), [9, 7]);
        assert_eq!(found(&trie, &lists, "/api"), [9, 7, 1, 5]);
        assert_eq!(found(&trie, &lists, "/api/v12"), [9, 7, 1, 5, 2]);
        assert_eq!(found(&trie, &lists, "/apple"), [9, 7, 3]);
        assert_eq!(found(&trie, &lists, "/bb"), [9, 7, 4]);
        assert_eq!(found(&trie, &lists, "x"), [9]);
    }

    #[test]
    fn tries_in_one_arena_do_not_see_each_other() {
        let (mut trie, mut lists) = (Trie::default(), Lists::default());
        let first = trie.add(&[(b"/a", vec![1])], &mut lists);
        let second = trie.add(&[(b"/a", vec![2]), (b"/ab", vec![3])], &mut lists);
        let empty = trie.add(&[], &mut lists);
        let mut out = Vec::new();
        trie.walk(first, b"/abc", &lists, &mut out);
        assert_eq!(out, [1]);
        trie.walk(second, b"/abc", &lists, &mut out);
        assert_eq!(out, [1, 2, 3]);
        trie.walk(empty, b"/abc", &lists, &mut out);
        assert_eq!(out, [1, 2, 3]);
    }
}
