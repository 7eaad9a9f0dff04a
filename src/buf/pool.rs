//! The block pool of one worker: 1 MiB slabs from the operating system, cut into blocks.

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

use super::block::{BLOCK, Block};

/// Bytes of a slab, which is also its alignment: a block finds its slab by masking its address.
pub(super) const SLAB: usize = 1 << 20;
/// Blocks in a slab; what remains of it is the header.
const PER_SLAB: usize = 56;
/// Offset of the first block in a slab.
const FIRST: usize = SLAB - PER_SLAB * BLOCK;
const NONE: u8 = u8::MAX;

/// What stands at the start of each slab.
#[repr(C)]
struct Slab {
    shared: NonNull<Shared>,
    /// Place of this slab in `Shared::slabs`.
    index: Cell<usize>,
    /// First free block, `NONE` when all are taken.
    free: Cell<u8>,
    taken: Cell<u8>,
    /// It was empty at the last trim already.
    idle: Cell<bool>,
    /// The next free block behind each free one.
    next: [Cell<u8>; PER_SLAB],
    /// Views of each taken block.
    views: [Cell<u32>; PER_SLAB],
}

const _: () = assert!(size_of::<Slab>() <= FIRST);

/// What pool and blocks share. It lives until the pool and the last block are gone.
#[derive(Debug)]
struct Shared {
    slabs: RefCell<Vec<NonNull<Slab>>>,
    /// Slabs with a free block; the last one is used first.
    ready: RefCell<Vec<NonNull<Slab>>>,
    limit: usize,
    taken: Cell<usize>,
    closed: Cell<bool>,
    copied_head: Cell<u64>,
    copied_payload: Cell<u64>,
}

/// A worker's blocks: taken in constant time, given back when the last view is dropped.
///
/// Not shared between threads. Memory comes in slabs of 1 MiB and goes back to the operating system
/// by [`Pool::trim`]. Beyond the limit [`Pool::take`] answers `None`; the caller stops reading then.
#[derive(Debug)]
pub struct Pool {
    shared: NonNull<Shared>,
}

impl Pool {
    /// A pool that takes at most `limit` bytes from the operating system, rounded up to a slab.
    pub fn new(limit: usize) -> Pool {
        let shared = Box::new(Shared {
            slabs: RefCell::default(),
            ready: RefCell::default(),
            limit: limit.div_ceil(SLAB).max(1),
            taken: Cell::new(0),
            closed: Cell::new(false),
            copied_head: Cell::new(0),
            copied_payload: Cell::new(0),
        });
        Pool { shared: NonNull::from(Box::leak(shared)) }
    }

    #[allow(unsafe_code)]
    fn shared(&self) -> &Shared {
        // SAFETY: `shared` is freed only when the pool is dropped and no block is left (`release`).
        unsafe { self.shared.as_ref() }
    }

    /// An empty block, or `None` when the limit is reached or the system has no memory.
    #[allow(unsafe_code)]
    pub fn take(&self) -> Option<Block> {
        let shared = self.shared();
        let mut ready = shared.ready.borrow_mut();
        if ready.is_empty() {
            let slab = self.grow()?;
            ready.push(slab);
        }
        let slab = *ready.last()?;
        // SAFETY: slabs in `ready` are mapped and initialised by `grow`.
        let header = unsafe { slab.as_ref() };
        let index = header.free.get();
        let at = usize::from(index);
        header.free.set(header.next[at].get());
        header.views[at].set(1);
        header.taken.set(header.taken.get() + 1);
        header.idle.set(false);
        if header.free.get() == NONE {
            ready.pop();
        }
        shared.taken.set(shared.taken.get() + 1);
        // SAFETY: block `index` lies within the slab, which is one mapping of SLAB bytes.
        let base = unsafe { slab.cast::<u8>().add(FIRST + at * BLOCK) };
        Some(Block::whole(base))
    }

    #[allow(unsafe_code)]
    fn grow(&self) -> Option<NonNull<Slab>> {
        let shared = self.shared();
        let mut slabs = shared.slabs.borrow_mut();
        if slabs.len() >= shared.limit {
            return None;
        }
        let slab = map_slab()?.cast::<Slab>();
        let header = Slab {
            shared: self.shared,
            index: Cell::new(slabs.len()),
            free: Cell::new(0),
            taken: Cell::new(0),
            idle: Cell::new(false),
            next: std::array::from_fn(|i| {
                Cell::new(if i + 1 < PER_SLAB { i as u8 + 1 } else { NONE })
            }),
            views: [const { Cell::new(0) }; PER_SLAB],
        };
        // SAFETY: the mapping is writable, aligned to SLAB and larger than the header.
        unsafe { slab.write(header) };
        slabs.push(slab);
        Some(slab)
    }

    /// Blocks in use.
    pub fn taken(&self) -> usize {
        self.shared().taken.get()
    }

    /// Bytes of blocks that may still be taken; the system may have less.
    pub fn spare(&self) -> usize {
        (self.shared().limit * PER_SLAB - self.taken()) * BLOCK
    }

    /// Bytes held from the operating system.
    pub fn held(&self) -> usize {
        self.shared().slabs.borrow().len() * SLAB
    }

    /// Whether a slab's worth of blocks is free, so that [`Pool::trim`] may have something to do.
    pub fn has_spare(&self) -> bool {
        self.shared().slabs.borrow().len() * PER_SLAB - self.taken() >= PER_SLAB
    }

    /// Gives slabs back that were empty at the last call already; to be called every few seconds.
    #[allow(unsafe_code)]
    pub fn trim(&self) {
        let shared = self.shared();
        let mut slabs = shared.slabs.borrow_mut();
        let mut ready = shared.ready.borrow_mut();
        let mut i = 0;
        while i < slabs.len() {
            let slab = slabs[i];
            // SAFETY: slabs in the list are mapped.
            let header = unsafe { slab.as_ref() };
            if header.taken.get() == 0 && header.idle.replace(true) {
                ready.retain(|s| *s != slab);
                slabs.swap_remove(i);
                if let Some(moved) = slabs.get(i) {
                    // SAFETY: as above.
                    unsafe { moved.as_ref() }.index.set(i);
                }
                unmap(slab.cast(), SLAB);
            } else {
                i += 1;
            }
        }
    }

    /// Counts bytes of heads that were copied.
    pub fn count_head(&self, n: usize) {
        let cell = &self.shared().copied_head;
        cell.set(cell.get() + n as u64);
    }

    /// Counts bytes of payload that were copied.
    pub fn count_payload(&self, n: usize) {
        let cell = &self.shared().copied_payload;
        cell.set(cell.get() + n as u64);
    }

    /// Bytes copied so far: of heads, of payload.
    pub fn copied(&self) -> (u64, u64) {
        (self.shared().copied_head.get(), self.shared().copied_payload.get())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared().closed.set(true);
        if self.taken() == 0 {
            free_all(self.shared);
        }
    }
}

/// The slab a block lies in, and the block's index there.
#[allow(unsafe_code)]
fn locate(base: NonNull<u8>) -> (NonNull<Slab>, usize) {
    let offset = base.as_ptr().addr() & (SLAB - 1);
    // SAFETY: blocks lie in a slab aligned to SLAB, so going back `offset` bytes stays inside it.
    let slab = unsafe { base.sub(offset) }.cast::<Slab>();
    (slab, (offset - FIRST) / BLOCK)
}

/// Counts one more view of the block at `base`, of which the caller holds one.
#[allow(unsafe_code)]
pub(super) fn share(base: NonNull<u8>) {
    let (slab, index) = locate(base);
    // SAFETY: a view of the block exists, so its slab is mapped.
    let views = &unsafe { slab.as_ref() }.views[index];
    views.set(views.get() + 1);
}

/// Gives up one view of the block at `base`; the last one gives the block back.
#[allow(unsafe_code)]
pub(super) fn release(base: NonNull<u8>) {
    let (slab, index) = locate(base);
    // SAFETY: the block was taken, so its slab is mapped and `shared` alive.
    let header = unsafe { slab.as_ref() };
    let views = &header.views[index];
    views.set(views.get() - 1);
    if views.get() > 0 {
        return;
    }
    let shared_at = header.shared;
    // SAFETY: as above.
    let shared = unsafe { shared_at.as_ref() };
    if header.free.get() == NONE {
        shared.ready.borrow_mut().push(slab);
    }
    header.next[index].set(header.free.get());
    header.free.set(index as u8);
    header.taken.set(header.taken.get() - 1);
    shared.taken.set(shared.taken.get() - 1);
    if shared.closed.get() && shared.taken.get() == 0 {
        free_all(shared_at);
    }
}

/// Frees the slabs and the shared part of a pool that is gone and has no block left.
#[allow(unsafe_code)]
fn free_all(shared: NonNull<Shared>) {
    // SAFETY: made by `Box::leak` in `Pool::new`; pool and blocks are gone, so nobody else has it.
    let shared = unsafe { Box::from_raw(shared.as_ptr()) };
    for slab in shared.slabs.borrow().iter() {
        unmap(slab.cast(), SLAB);
    }
}

/// A zeroed mapping of SLAB bytes, aligned to SLAB.
#[allow(unsafe_code)]
fn map_slab() -> Option<NonNull<u8>> {
    use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new private mapping at an address of the kernel's choice aliases nothing.
    let raw = unsafe {
        mmap_anonymous(std::ptr::null_mut(), 2 * SLAB, protection, MapFlags::PRIVATE).ok()?
    };
    let raw = NonNull::new(raw.cast::<u8>())?;
    let before = raw.as_ptr().align_offset(SLAB);
    // SAFETY: the mapping has 2 * SLAB bytes, so an aligned SLAB lies `before` < SLAB bytes in.
    let aligned = unsafe { raw.add(before) };
    if before > 0 {
        unmap(raw, before);
    }
    // SAFETY: the end of the aligned part is still inside the mapping.
    unmap(unsafe { aligned.add(SLAB) }, SLAB - before);
    Some(aligned)
}

#[allow(unsafe_code)]
fn unmap(at: NonNull<u8>, len: usize) {
    // SAFETY: callers name a part of a mapping of ours that nothing refers to any more.
    let _ = unsafe { rustix::mm::munmap(at.as_ptr().cast(), len) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_and_gives_back() {
        let pool = Pool::new(4 * SLAB);
        let blocks: Vec<_> = (0..PER_SLAB * 2).map(|_| pool.take().expect("room")).collect();
        assert_eq!(pool.taken(), PER_SLAB * 2);
        assert_eq!(pool.held(), 2 * SLAB);
        drop(blocks);
        assert_eq!(pool.taken(), 0);
        pool.trim();
        assert_eq!(pool.held(), 2 * SLAB, "an empty slab is kept for one trim");
        pool.trim();
        assert_eq!(pool.held(), 0);
        assert!(pool.take().is_some());
    }

    #[test]
    fn stops_at_its_limit() {
        let pool = Pool::new(1);
        let blocks: Vec<_> = std::iter::from_fn(|| pool.take()).collect();
        assert_eq!(blocks.len(), PER_SLAB);
        assert!(pool.take().is_none());
        drop(blocks);
        assert!(pool.take().is_some());
    }

    #[test]
    fn blocks_outlive_their_pool() {
        let pool = Pool::new(SLAB);
        let mut block = pool.take().expect("room");
        drop(pool);
        assert_eq!(block.append(b"still here"), 10);
        assert_eq!(block.bytes(), b"still here");
    }

    #[test]
    fn a_slab_with_a_block_in_use_survives_trims() {
        let pool = Pool::new(2 * SLAB);
        let mut block = pool.take().expect("room");
        block.append(b"x");
        pool.trim();
        pool.trim();
        assert_eq!(block.bytes(), b"x");
        assert_eq!(pool.held(), SLAB);
    }
}
